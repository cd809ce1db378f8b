package dev.recall.job.store.crash;

import static org.awaitility.Awaitility.await;

import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An object store with the interface of S3, in a JVM of its own, on loopback, in memory. */
final class ObjectStore implements AutoCloseable {

  private static final String KEY = "recall-test";
  private static final Pattern STARTED = Pattern.compile("\\{127\\.0\\.0\\.1:(\\d+)\\}");

  private final Path folder;
  private final Process process;
  private final String endpoint;
  private final String bucket;

  ObjectStore(Path folder) throws IOException {
    this.folder = folder;
    Path log = folder.resolve("object-store.log");
    process = start(folder, log);
    try {
      int port =
          await("object store has a port")
              .atMost(Duration.ofSeconds(30))
              .until(() -> port(log), found -> found > 0);
      endpoint = "http://127.0.0.1:" + port;
      // Hadoop keeps a file system per bucket: the next store needs another name.
      bucket = "recall-" + port;
      client().createBucket(bucket);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** The shell ends the store when its own input ends, so also when this JVM is killed. */
  private static Process start(Path folder, Path log) throws IOException {
    Path properties = folder.resolve("object-store.properties");
    Files.writeString(
        properties,
        """
        s3proxy.endpoint=http://127.0.0.1:0
        s3proxy.authorization=aws-v2-or-v4
        s3proxy.identity=recall-test
        s3proxy.credential=recall-test
        jclouds.provider=transient
        jclouds.identity=none
        jclouds.credential=none
        """);
    return new ProcessBuilder(
            "sh",
            "-c",
            "\"$@\" & read -r line; kill -9 $!",
            "sh",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xmx256m",
            "-Djava.io.tmpdir=" + folder,
            "-jar",
            Path.of(System.getProperty("basedir", "."), "target", "object-store", "s3proxy.jar")
                .toString(),
            "--properties",
            properties.toString())
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  private static int port(Path log) throws IOException {
    Matcher matcher = STARTED.matcher(Files.readString(log));
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
  }

  /** The store without Hadoop. */
  AmazonS3 client() {
    return AmazonS3ClientBuilder.standard()
        .withEndpointConfiguration(new EndpointConfiguration(endpoint, "us-east-1"))
        .withPathStyleAccessEnabled(true)
        .withCredentials(new AWSStaticCredentialsProvider(new BasicAWSCredentials(KEY, KEY)))
        .build();
  }

  /** Its bucket. */
  String bucket() {
    return bucket;
  }

  /** Its place for runs. */
  Place place() {
    return new Place(
        "s3a",
        "s3a://" + bucket + "/runs",
        Map.of(
            "fs.s3a.endpoint",
            endpoint,
            "fs.s3a.endpoint.region",
            "us-east-1",
            "fs.s3a.path.style.access",
            "true",
            "fs.s3a.access.key",
            KEY,
            "fs.s3a.secret.key",
            KEY,
            "fs.s3a.aws.credentials.provider",
            "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
            "fs.s3a.buffer.dir",
            folder.resolve("s3a").toString()),
        Map.of("fs.s3a.impl", KillingS3AFileSystem.class.getName()));
  }

  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    process.onExit().join();
  }
}
