using System.Buffers.Binary;
using System.Text;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Tests.Wasi;

/// <summary>A guest that does nothing but hand a test's calls on to WASI, from its own memory and with its own fuel.</summary>
internal sealed class WasiGuest : IDisposable
{
    /// <summary>The first directory that is preopened.</summary>
    public const int Root = 3;

    /// <summary>An address outside of the memory.</summary>
    public const int Nowhere = -16;

    private const int ResultAddress = 8;
    private const int BufferListAddress = 1_024;
    private const int PathAddress = 4_096;
    private const int OtherPathAddress = 12_288;
    private const int BufferAddress = 65_536;
    private const uint Pages = 8;

    private static readonly Engine s_engine = new();

    private readonly WasiContext _context;

    public WasiGuest(WasiOptions? options = null, ExecutionLimits? limits = null)
    {
        _context = new WasiContext(options ?? new());
        var imports = new Imports();
        _context.DefineIn(imports);
        Instance = s_engine.Compile(BuildModule(imports)).Instantiate(imports, limits);
    }

    public Instance Instance { get; }

    public WasiContext Context => _context;

    public Memory Memory => Instance.Memory!;

    /// <summary>The number that the last call wrote as its result.</summary>
    public uint Result => (uint)Memory.ReadInt32(ResultAddress);

    public ulong LongResult => (ulong)Memory.ReadInt64(ResultAddress);

    /// <summary>A guest with one directory, <c>/</c>.</summary>
    public static WasiGuest With(FileSystem files, WasiOptions? options = null, ExecutionLimits? limits = null) =>
        new((options ?? new()) with { Preopens = [new Preopen("/", files)] }, limits);

    public Errno Call(string name, params Value[] arguments) =>
        (Errno)Instance.Invoke(name, arguments)[0].ToInt32();

    // path_open and its like, in the words of the tests.

    public Errno Open(
        string path,
        out int fd,
        uint openFlags = 0,
        Rights rights = Rights.None,
        Rights inheriting = Rights.None,
        uint fdFlags = 0,
        bool follow = false,
        int at = Root)
    {
        var errno = Call(
            "path_open", at, follow ? 1 : 0, PathAddress, Put(path), (int)openFlags, (long)rights, (long)inheriting, (int)fdFlags, ResultAddress);
        fd = errno == Errno.Success ? (int)Result : -1;
        return errno;
    }

    /// <summary>Opens a path that has to open.</summary>
    public int Open(string path, uint openFlags = 0, Rights rights = Rights.None, uint fdFlags = 0)
    {
        Open(path, out var fd, openFlags, rights, fdFlags: fdFlags).ShouldBe(Errno.Success, path);
        return fd;
    }

    public Errno OnPath(string function, string path, int at = Root) => Call(function, at, PathAddress, Put(path));

    public Errno OnPaths(string function, string path, string other, int at = Root, int otherAt = Root) => function switch
    {
        "path_rename" => Call(function, at, PathAddress, Put(path), otherAt, OtherPathAddress, Put(other, OtherPathAddress)),
        "path_link" => Call(function, at, 0, PathAddress, Put(path), otherAt, OtherPathAddress, Put(other, OtherPathAddress)),
        _ => Call(function, PathAddress, Put(path), otherAt, OtherPathAddress, Put(other, OtherPathAddress)),
    };

    public Errno SetTimes(string path, ulong accessedNs, ulong modifiedNs, int flags, bool follow = false, int at = Root) => Call(
        "path_filestat_set_times", at, follow ? 1 : 0, PathAddress, Put(path), (long)accessedNs, (long)modifiedNs, flags);

    public Errno Stat(string path, out FileStat stat, bool follow = false, int at = Root)
    {
        var errno = Call("path_filestat_get", at, follow ? 1 : 0, PathAddress, Put(path), BufferAddress);
        stat = errno == Errno.Success ? ReadStat() : default;
        return errno;
    }

    public FileStat StatOf(int fd)
    {
        Call("fd_filestat_get", fd, BufferAddress).ShouldBe(Errno.Success);
        return ReadStat();
    }

    public void Touch(string path) => Call("fd_close", Open(path, openFlags: 1)).ShouldBe(Errno.Success);

    public Errno Write(int fd, params string[] buffers) => Call("fd_write", fd, BufferListAddress, PutBuffers(buffers), ResultAddress);

    public Errno Read(int fd, int size, out string text)
    {
        PutBufferList([(BufferAddress, size)]);
        var errno = Call("fd_read", fd, BufferListAddress, 1, ResultAddress);
        text = errno == Errno.Success ? Memory.ReadUtf8(BufferAddress, (int)Result) : "";
        return errno;
    }

    public int PutBuffers(params string[] buffers)
    {
        var list = new List<(int, int)>();
        var at = BufferAddress;
        foreach (var buffer in buffers)
        {
            list.Add((at, Put(buffer, at)));
            at += buffer.Length;
        }

        return PutBufferList(list);
    }

    public int PutBufferList(List<(int Address, int Length)> buffers)
    {
        for (var i = 0; i < buffers.Count; i++)
        {
            Memory.WriteInt32((uint)(BufferListAddress + (i * 8)), buffers[i].Address);
            Memory.WriteInt32((uint)(BufferListAddress + (i * 8) + 4), buffers[i].Length);
        }

        return buffers.Count;
    }

    /// <summary>Lists a directory through buffers of a size; the names in the order in which they come.</summary>
    public List<string> List(int fd, int bufferBytes = 4_096)
    {
        var names = new List<string>();
        var cookie = 0L;
        while (true)
        {
            Call("fd_readdir", fd, BufferAddress, bufferBytes, cookie, ResultAddress).ShouldBe(Errno.Success);
            var used = (int)Result;
            var bytes = Memory.GetSpan(BufferAddress, used);
            var whole = 0;
            while (bytes.Length >= 24 && bytes.Length - 24 >= BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]))
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
                cookie = BinaryPrimitives.ReadInt64LittleEndian(bytes);
                names.Add(Encoding.UTF8.GetString(bytes.Slice(24, length)));
                bytes = bytes[(24 + length)..];
                whole++;
            }

            if (used < bufferBytes)
                return names;
            whole.ShouldBePositive("the buffer is too small for one entry");
        }
    }

    public (FileType Type, uint Flags, Rights Rights, Rights Inheriting) Fdstat(int fd)
    {
        Call("fd_fdstat_get", fd, BufferAddress).ShouldBe(Errno.Success);
        var bytes = Memory.GetSpan(BufferAddress, 24);
        return (
            (FileType)bytes[0],
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
            (Rights)BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            (Rights)BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
    }

    public void Dispose()
    {
        Instance.Dispose();
        _context.Dispose();
    }

    private FileStat ReadStat()
    {
        var numbers = new ulong[8];
        for (var i = 0; i < 8; i++)
            numbers[i] = (ulong)Memory.ReadInt64((uint)(BufferAddress + (i * 8)));
        return new FileStat(numbers[0], numbers[1], (FileType)(byte)numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7]);
    }

    private int Put(string text, int address = PathAddress)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        bytes.CopyTo(Memory.GetSpan((uint)address, bytes.Length));
        return bytes.Length;
    }

    private static byte[] BuildModule(Imports imports)
    {
        var builder = new ModuleBuilder().Memory(Pages);
        var types = WasiFunctionsTests.Names.Select(name => ((Function)imports.Find(WasiContext.ModuleName, name)!).Type).ToArray();
        for (var i = 0; i < types.Length; i++)
            builder.Import(WasiContext.ModuleName, WasiFunctionsTests.Names[i], [.. types[i].Parameters], [.. types[i].Results]);
        for (var i = 0; i < types.Length; i++)
        {
            var code = Enumerable.Range(0, types[i].Parameters.Length)
                .Select(parameter => ModuleBuilder.Ins(Opcode.LocalGet, (uint)parameter))
                .Append(ModuleBuilder.Ins(Opcode.Call, (uint)i));
            builder.Function(WasiFunctionsTests.Names[i], [.. types[i].Parameters], [.. types[i].Results], [], [.. code]);
        }

        return builder.Build();
    }
}
