import java.io.File;
import java.io.FileOutputStream;
import java.io.OutputStream;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.MiniYARNCluster;

/**
 * A resource manager and two node managers, for tests: YarnCluster FOLDER.
 *
 * Writes FOLDER/yarn-site.xml, by which clients find it, says so, and ends when its standard input does. Containers are
 * processes of their own.
 */
public class YarnCluster {
    private static final int NODES = 2;

    public static void main(String[] arguments) throws Exception {
        YarnConfiguration wanted = new YarnConfiguration();
        wanted.setInt("yarn.nodemanager.resource.memory-mb", 4096);
        wanted.setInt("yarn.nodemanager.resource.cpu-vcores", 2);
        wanted.setInt("yarn.scheduler.minimum-allocation-mb", 128);
        // A JVM reserves far more addresses than it uses memory.
        wanted.setBoolean("yarn.nodemanager.vmem-check-enabled", false);
        wanted.setFloat("yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage", 99.9f);
        wanted.set("yarn.scheduler.capacity.root.queues", "default");
        wanted.set("yarn.scheduler.capacity.root.default.capacity", "100");
        // Of all memory, that of the processes which ask for executors.
        wanted.set("yarn.scheduler.capacity.maximum-am-resource-percent", "0.5");
        MiniYARNCluster cluster = new MiniYARNCluster("yarn", NODES, 1, 1);
        try {
            cluster.init(wanted);
            cluster.start();
            OutputStream site = new FileOutputStream(new File(arguments[0], "yarn-site.xml"));
            cluster.getConfig().writeXml(site);
            site.close();
        } catch (Throwable error) {
            // Threads of what has started would keep the process alive.
            error.printStackTrace();
            System.exit(1);
        }
        System.out.println("started");
        // Nobody reads on.
        System.setOut(System.err);
        while (System.in.read() >= 0) {
            continue;
        }
        cluster.stop();
        System.exit(0);
    }
}
