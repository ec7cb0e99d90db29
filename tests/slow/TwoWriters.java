import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import io.delta.storage.LogStore;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Two writers of one version of a Delta log: the other's is put once this one has looked and before it puts.
 *
 * TwoWriters LOGSTORE COMMIT OTHER [NAME=VALUE...] writes the commit "ours" through a log store while the other writes OTHER, and
 * prints what became of ours, then which is there. Values are Hadoop's settings.
 */
public class TwoWriters {
    public static void main(String[] arguments) throws Exception {
        final Configuration configuration = new Configuration();
        for (int i = 3; i < arguments.length; i++) {
            String[] setting = arguments[i].split("=", 2);
            configuration.set(setting[0], setting[1]);
        }
        final Path commit = new Path(arguments[1]);
        final byte[] others = (arguments[2] + "\n").getBytes(StandardCharsets.UTF_8);
        final FileSystem system = commit.getFileSystem(configuration);
        Class[] taken = new Class[] { Configuration.class };
        Constructor constructor = Class.forName(arguments[0]).getConstructor(taken);
        LogStore store = (LogStore) constructor.newInstance(new Object[] { configuration });
        Iterator<String> actions = new Iterator<String>() {
            private boolean written = false;

            public boolean hasNext() {
                return !this.written;
            }

            public Object next() {
                try {
                    FSDataOutputStream other = system.create(commit, true);
                    other.write(others);
                    other.close();
                } catch (IOException error) {
                    throw new RuntimeException(error);
                }
                this.written = true;
                return "ours";
            }

            public void remove() {
            }
        };
        try {
            store.write(commit, actions, Boolean.FALSE, configuration);
            System.out.println("acknowledged");
        } catch (FileAlreadyExistsException refused) {
            System.out.println("refused");
        }
        FSDataInputStream there = system.open(commit);
        byte[] content = new byte[64];
        int length = ((InputStream) there).read(content);
        System.out.print(new String(content, 0, length, StandardCharsets.UTF_8));
    }
}
