using System.Text;

namespace Stoa.Market.Tests.Tasks;

/// <summary>Small WebAssembly programs, written here byte by byte, so that tests of the sandbox need no compiler.</summary>
/// <remarks>All have the same types and imports; they differ in the code of <c>_start</c>, which is function 5, or 6 where they import <c>stoa</c>.</remarks>
public static class GuestPrograms
{
    private const int FdRead = 0;
    private const int FdWrite = 1;
    private const int ProcExit = 2;
    private const int RandomGet = 3;
    private const int ClockTimeGet = 4;
    private const int Start = 5;
    private const int StoaRequest = 5;
    private const int Buffer = 1024;
    private const int BufferBytes = 60_000;
    private const int CountAddress = 8;

    /// <summary>Writes what it reads.</summary>
    public static byte[] Echo { get; } = Program(EchoLoop);

    /// <summary>Writes a text, whatever it reads.</summary>
    public static byte[] Print(string text) => Program(Write(1, 0x8000, Encoding.UTF8.GetByteCount(text)), data: text);

    /// <summary>Burns some fuel, then writes what it reads.</summary>
    public static byte[] EchoAfter(int loops) => Program([.. Repeat(loops), .. EchoLoop]);

    /// <summary>Says by chance, one time in so many, that it may do better another time; else writes what it reads.</summary>
    /// <param name="oneIn">A power of two, up to 256.</param>
    public static byte[] FlakyEcho(int oneIn) => Program(
    [
        .. I32(Buffer), .. I32(1), .. Call(RandomGet), Drop,
        .. I32(Buffer), 0x2D, 0x00, 0x00, .. I32(oneIn - 1), 0x71, 0x45,
        0x04, 0x40, .. I32(75), .. Call(ProcExit), 0x0B,
        .. EchoLoop,
    ]);

    /// <summary>Writes 8 random bytes and 8 of the clock.</summary>
    public static byte[] RandomAndClock { get; } = Program(
    [
        .. I32(Buffer), .. I32(8), .. Call(RandomGet), Drop,
        .. I32(0), .. I64(0), .. I32(Buffer + 8), .. Call(ClockTimeGet), Drop,
        .. Write(1, Buffer, 16),
    ]);

    /// <summary>Never ends.</summary>
    public static byte[] EndlessLoop { get; } = Program(Forever);

    /// <summary>Calls itself.</summary>
    public static byte[] EndlessRecursion { get; } = Program(Call(Start));

    /// <summary>Writes to an output again and again.</summary>
    public static byte[] EndlessOutput(int fd) => Program([0x03, 0x40, .. Write(fd, Buffer, BufferBytes), 0x0C, 0x00, 0x0B]);

    /// <summary>Declares a memory.</summary>
    public static byte[] WithMemory(int pages) => Program([], pages: pages);

    /// <summary>Grows its memory and returns.</summary>
    public static byte[] Grow(int pages) => Program([.. I32(pages), 0x40, 0x00, Drop]);

    /// <summary>Writes a line to stderr and then never ends.</summary>
    public static byte[] LogAndLoop(string log) => Program([.. Write(2, 0x8000, Encoding.UTF8.GetByteCount(log)), .. Forever], data: log);

    /// <summary>Sends a message to the node and then never ends.</summary>
    public static byte[] AskAndLoop(string message) => Program(
        [.. I32(0x8000), .. I32(Encoding.UTF8.GetByteCount(message)), .. Call(StoaRequest), Drop, .. Forever], data: message, asksNode: true);

    /// <summary>Writes the first of what it reads to both outputs, and sends it to the node as a message; then it burns some fuel and ends with a code, or never ends.</summary>
    /// <param name="exitCode">Null for never.</param>
    /// <param name="loops">How much fuel.</param>
    public static byte[] Babble(int? exitCode, int loops = 1) => Program(
    [
        .. Store(0, Buffer), .. Store(4, BufferBytes), .. I32(0), .. I32(0), .. I32(1), .. I32(CountAddress), .. Call(FdRead), Drop,
        .. I32(4), .. Load(CountAddress), 0x36, 0x02, 0x00,
        .. I32(2), .. I32(0), .. I32(1), .. I32(12), .. Call(FdWrite), Drop,
        .. I32(1), .. I32(0), .. I32(1), .. I32(12), .. Call(FdWrite), Drop,
        .. I32(Buffer), .. Load(CountAddress), .. Call(StoaRequest), Drop,
        .. Repeat(loops),
        .. exitCode is { } code ? [.. I32(code), .. Call(ProcExit)] : Forever,
    ], asksNode: true);

    /// <summary>Sends its input to the node as a message, and writes the four bytes of the handle that it gets.</summary>
    public static byte[] AskNode { get; } = Program(
    [
        .. Store(0, Buffer), .. Store(4, BufferBytes), .. I32(0), .. I32(0), .. I32(1), .. I32(CountAddress), .. Call(FdRead), Drop,
        .. I32(16), .. I32(Buffer), .. Load(CountAddress), .. Call(StoaRequest), 0x36, 0x02, 0x00,
        .. Write(1, 16, 4),
    ], asksNode: true);

    /// <summary>Executes <c>unreachable</c>.</summary>
    public static byte[] Unreachable { get; } = Program([0x00]);

    /// <summary>Stores outside of its memory.</summary>
    public static byte[] OutOfBounds { get; } = Program([.. I32(-4), .. I32(1), 0x36, 0x02, 0x00]);

    /// <summary>Exports something else than <c>_start</c>.</summary>
    public static byte[] WithoutStart { get; } = Program([], export: "begin");

    /// <summary>Imports something that no node gives.</summary>
    public static byte[] UnknownImport { get; } = Program([], firstImport: "fd_teleport");

    /// <summary>Writes a line to stderr and exits.</summary>
    public static byte[] Exit(int code, string log = "") => Program(
        [.. log.Length == 0 ? [] : Write(2, 0x8000, Encoding.UTF8.GetByteCount(log)), .. I32(code), .. Call(ProcExit)],
        data: log);

    private const byte Drop = 0x1A;

    private static byte[] Forever => [0x03, 0x40, 0x0C, 0x00, 0x0B];

    private static byte[] EchoLoop =>
    [
        0x02, 0x40, 0x03, 0x40,
        .. Store(0, Buffer), .. Store(4, BufferBytes),
        .. I32(0), .. I32(0), .. I32(1), .. I32(CountAddress), .. Call(FdRead), Drop,
        .. Load(CountAddress), 0x45, 0x0D, 0x01,
        .. I32(4), .. Load(CountAddress), 0x36, 0x02, 0x00,
        .. I32(1), .. I32(0), .. I32(1), .. I32(12), .. Call(FdWrite), Drop,
        0x0C, 0x00, 0x0B, 0x0B,
    ];

    private static byte[] Write(int fd, int address, int length) =>
        [.. Store(0, address), .. Store(4, length), .. I32(fd), .. I32(0), .. I32(1), .. I32(12), .. Call(FdWrite), Drop];

    /// <summary>Counts local 0 down from a number.</summary>
    private static byte[] Repeat(int loops) =>
        [.. I32(loops), 0x21, 0x00, 0x03, 0x40, 0x20, 0x00, .. I32(1), 0x6B, 0x22, 0x00, 0x0D, 0x00, 0x0B];

    private static byte[] Store(int address, int value) => [.. I32(address), .. I32(value), 0x36, 0x02, 0x00];

    private static byte[] Load(int address) => [.. I32(address), 0x28, 0x02, 0x00];

    private static byte[] I32(int value) => [0x41, .. Signed(value)];

    private static byte[] I64(long value) => [0x42, .. Signed(value)];

    private static byte[] Call(int function) => [0x10, .. Unsigned((uint)function)];

    private static byte[] Program(byte[] start, int pages = 2, string export = "_start", string firstImport = "fd_read", string data = "", bool asksNode = false)
    {
        const byte i32 = 0x7F;
        const byte i64 = 0x7E;
        byte[][] types =
        [
            [0x60, 0, 0],
            [0x60, 1, i32, 0],
            [0x60, 2, i32, i32, 1, i32],
            [0x60, 4, i32, i32, i32, i32, 1, i32],
            [0x60, 3, i32, i64, i32, 1, i32],
        ];
        byte[][] imports =
        [
            Import(firstImport, 3), Import("fd_write", 3), Import("proc_exit", 1), Import("random_get", 2), Import("clock_time_get", 4),
            .. asksNode ? [[.. Name("stoa"), .. Name("request"), 0, 2]] : Array.Empty<byte[]>(),
        ];
        // One local of type i32, the code, end.
        byte[] body = [1, 1, i32, .. start, 0x0B];
        return
        [
            0x00, 0x61, 0x73, 0x6D, 1, 0, 0, 0,
            .. Section(1, Vector(types)),
            .. Section(2, Vector(imports)),
            .. Section(3, [1, 0]),
            .. Section(5, [1, 0, .. Unsigned((uint)pages)]),
            .. Section(7, Vector([[.. Name("memory"), 2, 0], [.. Name(export), 0, (byte)(asksNode ? Start + 1 : Start)]])),
            .. Section(10, Vector([[.. Unsigned((uint)body.Length), .. body]])),
            .. data.Length == 0 ? [] : Section(11, Vector([[0, .. I32(0x8000), 0x0B, .. Name(data)]])),
        ];
    }

    private static byte[] Import(string name, byte type) => [.. Name("wasi_snapshot_preview1"), .. Name(name), 0, type];

    private static byte[] Section(byte id, byte[] content) => [id, .. Unsigned((uint)content.Length), .. content];

    private static byte[] Vector(byte[][] items) => [.. Unsigned((uint)items.Length), .. items.SelectMany(item => item)];

    private static byte[] Name(string text) => [.. Unsigned((uint)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    private static List<byte> Unsigned(uint value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }

    private static List<byte> Signed(long value)
    {
        var bytes = new List<byte>();
        while (true)
        {
            var low = (byte)(value & 0x7F);
            value >>= 7;
            var last = (value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0);
            bytes.Add(last ? low : (byte)(low | 0x80));
            if (last)
                return bytes;
        }
    }
}
