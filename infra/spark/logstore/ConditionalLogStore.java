package shortlist;

import io.delta.storage.S3SingleDriverLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSBuilder;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.RemoteFileChangedException;
import org.apache.hadoop.fs.s3a.S3AFileSystem;

/**
 * Delta's log on S3: a commit is put on condition that its version does not exist, so that of two writers one is refused.
 *
 * Delta's own store for S3 looks first and puts then, and so overwrites what another driver committed in between.
 * Compiled at setup by the compiler that Spark ships (Janino), which knows no inference of type arguments.
 */
public class ConditionalLogStore extends S3SingleDriverLogStore {
    private static final String IF_ABSENT = "fs.option.create.conditional.overwrite";

    public ConditionalLogStore(Configuration configuration) {
        super(configuration);
    }

    /** What it writes through; asked when a session starts, so that a jar which is missing is told of then. */
    public static String fileSystem() {
        return S3AFileSystem.class.getName();
    }

    public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
            throws IOException {
        if (overwrite.booleanValue()) {
            super.write(path, actions, overwrite, configuration);
            return;
        }
        byte[] commit = encoded(actions);
        FileSystem system = path.getFileSystem(configuration);
        try {
            FSBuilder builder = system.createFile(path);
            builder.must(IF_ABSENT, true);
            // Not closed where writing fails: to close is to put what is there.
            FSDataOutputStream stream = (FSDataOutputStream) builder.build();
            stream.write(commit);
            stream.close();
        } catch (RemoteFileChangedException refused) {
            requireOwn(system, path, commit);
        } catch (org.apache.hadoop.fs.FileAlreadyExistsException refused) {
            requireOwn(system, path, commit);
        }
    }

    /** A put whose answer was lost is sent again and finds itself; each commit holds an id of its own. */
    private static void requireOwn(FileSystem system, Path path, byte[] commit) throws IOException {
        FileStatus found = system.getFileStatus(path);
        if (found.getLen() == commit.length) {
            byte[] there = new byte[commit.length];
            FSDataInputStream stream = system.open(path);
            try {
                stream.readFully(0, there);
            } finally {
                stream.close();
            }
            if (Arrays.equals(there, commit)) {
                return;
            }
        }
        throw new FileAlreadyExistsException(path.toString());
    }

    private static byte[] encoded(Iterator<String> actions) {
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        while (actions.hasNext()) {
            byte[] line = (((String) actions.next()) + "\n").getBytes(StandardCharsets.UTF_8);
            lines.write(line, 0, line.length);
        }
        return lines.toByteArray();
    }
}
