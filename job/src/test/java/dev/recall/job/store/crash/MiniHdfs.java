package dev.recall.job.store.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;

/** HDFS with three datanodes in this JVM, on loopback, with two copies of each block. */
final class MiniHdfs implements AutoCloseable {

  private final MiniDFSCluster cluster;

  MiniHdfs(Path folder) throws IOException {
    Configuration configuration = new Configuration();
    configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.resolve("hdfs").toString());
    configuration.setInt("dfs.replication", 2);
    configuration.setInt("dfs.namenode.heartbeat.recheck-interval", 1000);
    configuration.setInt("dfs.heartbeat.interval", 1);
    cluster = new MiniDFSCluster.Builder(configuration).numDataNodes(3).build();
    cluster.waitActive();
  }

  /** Its place for runs. */
  Place place() {
    return new Place(
        "hdfs",
        "hdfs://127.0.0.1:" + cluster.getNameNodePort() + "/runs",
        Map.of("dfs.replication", "2"),
        Map.of(
            "fs.hdfs.impl", KillingDistributedFileSystem.class.getName(),
            "fs.AbstractFileSystem.hdfs.impl", KillingHdfs.class.getName()));
  }

  void stopADatanode() {
    cluster.stopDataNode(0);
  }

  /** Lets there be no room for another block under the place for runs, or any number again. */
  void letRunsBeFull(boolean full) throws IOException {
    long bytes = full ? 1 : HdfsConstants.QUOTA_RESET;
    cluster
        .getFileSystem()
        .setQuota(new org.apache.hadoop.fs.Path("/runs"), HdfsConstants.QUOTA_DONT_SET, bytes);
  }

  @Override
  public void close() {
    cluster.shutdown(true);
  }
}
