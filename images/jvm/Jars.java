import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * What the Java recipe does with jars and classes.
 *
 * <pre>
 *   Jars main-class JAR                the Main-Class of its manifest, or nothing
 *   Jars classes JAR                   how many class files it holds
 *   Jars mains DIRECTORY               classes with a main method, one a line
 *   Jars merge OUT MAIN APP [JAR...]   one executable jar out of several; the first wins
 *   Jars normalise OUT JAR             the same jar with one order and one time
 * </pre>
 *
 * SOURCE_DATE_EPOCH is the time of every entry that is written.
 */
public final class Jars {
    private static final String MANIFEST = "META-INF/MANIFEST.MF";

    public static void main(String[] args) throws IOException {
        List<String> rest = Arrays.asList(args).subList(1, args.length);
        switch (args[0]) {
            case "main-class" -> System.out.print(mainClass(Path.of(rest.get(0))));
            case "classes" -> System.out.print(classCount(Path.of(rest.get(0))));
            case "mains" -> mains(Path.of(rest.get(0))).forEach(System.out::println);
            case "merge" -> merge(Path.of(rest.get(0)), rest.get(1),
                    rest.subList(2, rest.size()).stream().map(Path::of).toList());
            case "normalise" -> normalise(Path.of(rest.get(0)), Path.of(rest.get(1)));
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    // --- questions ---

    private static String mainClass(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            Manifest manifest = file.getManifest();
            String name = manifest == null
                    ? null : manifest.getMainAttributes().getValue(Attributes.Name.MAIN_CLASS);
            return name == null ? "" : name;
        }
    }

    private static long classCount(Path jar) throws IOException {
        try (ZipFile file = new ZipFile(jar.toFile())) {
            // A jar of jars counts them: that is how Spring Boot packs.
            return file.stream().map(ZipEntry::getName)
                    .filter(name -> name.endsWith(".class") || name.endsWith(".jar")).count();
        }
    }

    private static List<String> mains(Path directory) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".class")).sorted().toList()) {
                if (hasMain(Files.readAllBytes(file))) {
                    String name = directory.relativize(file).toString();
                    found.add(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
                }
            }
        }
        return found;
    }

    /** Has the class a "public static void main(String[])"? (Java virtual machine specification, 4.) */
    private static boolean hasMain(byte[] bytes) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        in.skipBytes(8);
        String[] strings = new String[in.readUnsignedShort()];
        for (int i = 1; i < strings.length; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1 -> strings[i] = in.readUTF();
                case 7, 8, 16, 19, 20 -> in.skipBytes(2);
                case 15 -> in.skipBytes(3);
                case 5, 6 -> {
                    in.skipBytes(8);
                    i++;                // long and double take two places
                }
                default -> in.skipBytes(4);
            }
        }
        in.skipBytes(6);
        in.skipBytes(2 * in.readUnsignedShort());
        skipMembers(in, in.readUnsignedShort());
        int methods = in.readUnsignedShort();
        for (int i = 0; i < methods; i++) {
            int access = in.readUnsignedShort();
            String name = strings[in.readUnsignedShort()];
            String type = strings[in.readUnsignedShort()];
            if ((access & 0x0009) == 0x0009 && "main".equals(name) && "([Ljava/lang/String;)V".equals(type)) {
                return true;
            }
            skipAttributes(in);
        }
        return false;
    }

    private static void skipMembers(DataInputStream in, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            in.skipBytes(6);
            skipAttributes(in);
        }
    }

    private static void skipAttributes(DataInputStream in) throws IOException {
        int count = in.readUnsignedShort();
        for (int i = 0; i < count; i++) {
            in.skipBytes(2);
            in.skipBytes(in.readInt());
        }
    }

    // --- merge ---

    /** Files that every jar may bring and that mean something only together. */
    private static boolean isLines(String name) {
        return name.startsWith("META-INF/services/")
                || name.startsWith("META-INF/spring/") && name.endsWith(".imports")
                || name.equals("META-INF/spring.handlers") || name.equals("META-INF/spring.schemas")
                || name.equals("META-INF/spring.factories") || name.equals("META-INF/spring.components");
    }

    private static boolean isText(String name) {
        return name.equals("reference.conf") || name.equals("reference-overrides.conf");
    }

    /** What is of no use, or wrong, once the jars are one. */
    private static boolean isDropped(String name) {
        return name.matches("META-INF/[^/]*\\.(SF|DSA|RSA|EC)") || name.equals("META-INF/INDEX.LIST")
                || name.equals(MANIFEST) || name.matches("(META-INF/versions/\\d+/)?module-info\\.class");
    }

    private static boolean isLicense(String name) {
        return name.matches("(?i)META-INF/(LICENSE|NOTICE|DEPENDENCIES|COPYRIGHT)[^/]*")
                || name.matches("(?i)(LICENSE|NOTICE|COPYRIGHT)[^/]*");
    }

    private static void merge(Path out, String main, List<Path> jars) throws IOException {
        TreeMap<String, byte[]> entries = new TreeMap<>();
        Map<String, String> from = new LinkedHashMap<>();
        boolean multiRelease = false;
        Manifest manifest = new Manifest();

        for (Path jar : jars) {
            String jarName = jar.getFileName().toString();
            try (JarFile file = new JarFile(jar.toFile(), false)) {
                Manifest own = file.getManifest();
                if (own != null) {
                    multiRelease |= "true".equalsIgnoreCase(
                            own.getMainAttributes().getValue(Attributes.Name.MULTI_RELEASE));
                    if (jar == jars.get(0)) {
                        manifest = own;
                    }
                }
                for (ZipEntry entry : file.stream().filter(item -> !item.isDirectory()).toList()) {
                    String name = entry.getName();
                    if (isDropped(name)) {
                        continue;
                    }
                    if (isLicense(name)) {
                        name = "META-INF/licenses/" + jarName.replaceAll("\\.jar$", "") + "/"
                                + name.substring(name.lastIndexOf('/') + 1);
                    }
                    add(entries, from, name, file.getInputStream(entry).readAllBytes(), jarName);
                }
            }
        }

        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.put(Attributes.Name.MAIN_CLASS, main);
        attributes.remove(Attributes.Name.CLASS_PATH);
        if (multiRelease) {
            attributes.put(Attributes.Name.MULTI_RELEASE, "true");
        }
        entries.put(MANIFEST, manifestBytes(manifest));
        write(out, entries, Set.of());
    }

    private static void add(Map<String, byte[]> entries, Map<String, String> from, String name,
            byte[] bytes, String jar) throws IOException {
        byte[] before = entries.putIfAbsent(name, bytes);
        if (before == null) {
            from.put(name, jar);
        } else if (isLines(name)) {
            entries.put(name, joinLines(before, bytes));
        } else if (isText(name)) {
            entries.put(name, join(before, bytes));
        } else if (name.endsWith("Log4j2Plugins.dat")) {
            entries.put(name, joinPlugins(before, bytes));
        } else if (!Arrays.equals(before, bytes) && name.endsWith(".class")) {
            System.err.printf("warning: %s is in %s and, different, in %s; the first is kept%n",
                    name, from.get(name), jar);
        }
    }

    private static byte[] joinLines(byte[] first, byte[] second) {
        // spring.factories continues lines with a backslash: those cannot be compared one by one.
        if (new String(first, StandardCharsets.UTF_8).contains("\\\n")
                || new String(second, StandardCharsets.UTF_8).contains("\\\n")) {
            return join(first, second);
        }
        Set<String> lines = new LinkedHashSet<>(new String(first, StandardCharsets.UTF_8).lines().toList());
        lines.addAll(new String(second, StandardCharsets.UTF_8).lines().toList());
        return (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] join(byte[] first, byte[] second) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(first);
        all.write('\n');
        all.writeBytes(second);
        return all.toByteArray();
    }

    /**
     * Log4j's cache of its plugins: a count of categories; each a name, a count of entries; each entry
     * four strings and two booleans.
     */
    private static byte[] joinPlugins(byte[] first, byte[] second) throws IOException {
        TreeMap<String, TreeMap<String, byte[]>> categories = new TreeMap<>();
        for (byte[] bytes : List.of(second, first)) {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            int count = in.readInt();
            for (int i = 0; i < count; i++) {
                TreeMap<String, byte[]> plugins =
                        categories.computeIfAbsent(in.readUTF(), name -> new TreeMap<>());
                int plugin = in.readInt();
                for (int j = 0; j < plugin; j++) {
                    ByteArrayOutputStream copy = new ByteArrayOutputStream();
                    DataOutputStream out = new DataOutputStream(copy);
                    String key = in.readUTF();
                    out.writeUTF(key);
                    out.writeUTF(in.readUTF());
                    out.writeUTF(in.readUTF());
                    out.writeBoolean(in.readBoolean());
                    out.writeBoolean(in.readBoolean());
                    plugins.put(key, copy.toByteArray());
                }
            }
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(all);
        out.writeInt(categories.size());
        for (Map.Entry<String, TreeMap<String, byte[]>> category : categories.entrySet()) {
            out.writeUTF(category.getKey());
            out.writeInt(category.getValue().size());
            for (byte[] plugin : category.getValue().values()) {
                out.write(plugin);
            }
        }
        return all.toByteArray();
    }

    // --- normalise ---

    /** A project's own fat jar; its plugins may be too old to write the same bytes twice. */
    private static void normalise(Path out, Path jar) throws IOException {
        TreeMap<String, byte[]> entries = new TreeMap<>();
        Set<String> stored = new LinkedHashSet<>();
        try (ZipFile file = new ZipFile(jar.toFile())) {
            for (ZipEntry entry : file.stream().toList()) {
                String name = entry.getName();
                byte[] bytes = entry.isDirectory()
                        ? new byte[0] : file.getInputStream(entry).readAllBytes();
                if (name.endsWith("/pom.properties")) {
                    bytes = withoutComments(bytes);
                }
                // The class loader of a jar of jars reads those in place.
                if (entry.getMethod() == ZipEntry.STORED && !entry.isDirectory()) {
                    stored.add(name);
                }
                entries.putIfAbsent(name, bytes);
            }
        }
        byte[] manifest = entries.get(MANIFEST);
        if (manifest != null) {
            entries.put(MANIFEST, manifestBytes(new Manifest(new ByteArrayInputStream(manifest))));
        }
        write(out, entries, stored);
    }

    /** Old archivers write the date of the build as a comment. */
    private static byte[] withoutComments(byte[] bytes) {
        List<String> lines = new String(bytes, StandardCharsets.ISO_8859_1).lines()
                .filter(line -> !line.startsWith("#")).sorted().toList();
        return (String.join("\n", lines) + "\n").getBytes(StandardCharsets.ISO_8859_1);
    }

    // --- write ---

    private static long epoch() {
        return Long.parseLong(System.getenv().getOrDefault("SOURCE_DATE_EPOCH", "946684800"));
    }

    /** Sorted, and without what tells who built it and when: bnd writes the milliseconds of the build. */
    private static byte[] manifestBytes(Manifest manifest) throws IOException {
        Attributes attributes = manifest.getMainAttributes();
        attributes.remove(new Attributes.Name("Built-By"));
        attributes.replace(new Attributes.Name("Bnd-LastModified"), epoch() * 1000 + "");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        manifest.write(bytes);
        return bytes.toByteArray();
    }

    /** The manifest first, since readers of streams look for it there; the rest by name. */
    private static void write(Path out, TreeMap<String, byte[]> entries, Set<String> stored)
            throws IOException {
        LocalDateTime time = LocalDateTime.ofInstant(
                Instant.ofEpochSecond(Math.max(epoch(), 315619200)), ZoneOffset.UTC);
        List<String> names = new ArrayList<>(entries.keySet());
        names.sort(Comparator.comparing((String name) -> !name.equals(MANIFEST)));

        try (OutputStream stream = Files.newOutputStream(out);
                ZipOutputStream zip = new ZipOutputStream(stream)) {
            zip.setLevel(6);
            for (String name : names) {
                byte[] bytes = entries.get(name);
                ZipEntry entry = new ZipEntry(name);
                entry.setTimeLocal(time);
                if (stored.contains(name) || name.endsWith("/")) {
                    CRC32 crc = new CRC32();
                    crc.update(bytes);
                    entry.setMethod(ZipEntry.STORED);
                    entry.setSize(bytes.length);
                    entry.setCrc(crc.getValue());
                }
                zip.putNextEntry(entry);
                zip.write(bytes);
                zip.closeEntry();
            }
        }
    }
}
