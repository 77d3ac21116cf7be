/** Makes garbage for a collector whose threads wait for one another in loops. */
public class Garbage {
    public static void main(String[] arguments) {
        int rounds = Integer.parseInt(arguments[0]);
        java.util.HashMap<Integer, byte[]> kept = new java.util.HashMap<>();
        long found = 0;
        for (int i = 0; i < rounds; i++) {
            kept.put(i % 20000, new byte[1000 + i % 1000]);
            if (kept.get(i * 7L % 20000 % (i + 1L) == 0 ? 0 : i % 20000) != null) found++;
        }
        System.out.println(found + " " + kept.size());
    }
}
