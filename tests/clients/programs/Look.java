import java.net.InetAddress;
import java.net.UnknownHostException;

/** Prints for each name given its addresses by Java, or "-" where there are none. */
class Look {
    public static void main(String[] names) {
        for (String name : names) {
            StringBuilder line = new StringBuilder(name);
            try {
                for (InetAddress each : InetAddress.getAllByName(name)) {
                    line.append(' ').append(each.getHostAddress());
                }
            } catch (UnknownHostException error) {
                line.append(" -");
            }
            System.out.println(line);
        }
    }
}
