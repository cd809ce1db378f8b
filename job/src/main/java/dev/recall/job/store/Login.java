package dev.recall.job.store;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.security.UserGroupInformation;

/** Logs in where a file system wants Kerberos, or says what is missing. */
public final class Login {

  /** Parts of messages of Hadoop's SaslRpcClient and Server, and of the JDK's GSS. */
  private static final List<String> REFUSALS =
      List.of(
          "SIMPLE authentication is not enabled",
          "Client cannot authenticate via",
          "Failed to find any Kerberos",
          "GSS initiate failed");

  private Login() {}

  /**
   * Logs in with a keytab, where Hadoop's configuration wants Kerberos and nobody has done it:
   * spark-submit does on YARN and with a local master, and not with a standalone one. Hadoop logs
   * in again by itself when tickets have expired.
   *
   * @param principal whose keys are in the keytab
   * @param keytab a local file
   * @throws IOException naming both when that fails
   */
  public static void withKeytab(String principal, String keytab) throws IOException {
    if (UserGroupInformation.isSecurityEnabled() && !UserGroupInformation.isLoginKeytabBased()) {
      UserGroupInformation.loginUserFromKeytab(principal, keytab);
    }
  }

  /**
   * Finds out early that nobody is logged in: a client that is told to wait for a NameNode asks it
   * for minutes.
   *
   * @throws IOException for {@link #explain}
   */
  static void check() throws IOException {
    if (UserGroupInformation.isSecurityEnabled()) {
      UserGroupInformation user = UserGroupInformation.getCurrentUser();
      if (!user.hasKerberosCredentials() && user.getTokens().isEmpty()) {
        throw new IOException(REFUSALS.get(1) + " Kerberos");
      }
    }
  }

  /**
   * Explains a refusal.
   *
   * @param e what a file system answered
   * @return a clause for the end of its message; empty when it is about something else
   */
  static String explain(IOException e) {
    boolean refused = false;
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      String message = String.valueOf(cause.getMessage());
      refused |= REFUSALS.stream().anyMatch(message::contains);
    }
    if (!refused) {
      return "";
    }
    if (!UserGroupInformation.isSecurityEnabled()) {
      return "; it wants Kerberos, and the configuration here says simple: expected"
          + " hadoop.security.authentication = kerberos in core-site.xml of HADOOP_CONF_DIR";
    }
    return "; expected a Kerberos login, found "
        + found()
        + ": give --principal and --keytab before the verb, or run kinit";
  }

  private static String found() {
    try {
      UserGroupInformation user = UserGroupInformation.getLoginUser();
      return user.hasKerberosCredentials() ? "one that is not accepted, of " + user : "none";
    } catch (IOException e) {
      return "none";
    }
  }
}
