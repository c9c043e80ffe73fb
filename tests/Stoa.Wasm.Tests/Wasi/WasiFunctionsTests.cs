using Stoa.Wasm.Wasi;

namespace Stoa.Wasm.Tests.Wasi;

public sealed class WasiFunctionsTests
{
    // The functions of the witx with their parameters, i for i32 and l for i64. All but proc_exit give back an errno.
    private static readonly Dictionary<string, string> s_signatures = new()
    {
        ["args_get"] = "ii",
        ["args_sizes_get"] = "ii",
        ["environ_get"] = "ii",
        ["environ_sizes_get"] = "ii",
        ["clock_res_get"] = "ii",
        ["clock_time_get"] = "ili",
        ["fd_advise"] = "illi",
        ["fd_allocate"] = "ill",
        ["fd_close"] = "i",
        ["fd_datasync"] = "i",
        ["fd_fdstat_get"] = "ii",
        ["fd_fdstat_set_flags"] = "ii",
        ["fd_fdstat_set_rights"] = "ill",
        ["fd_filestat_get"] = "ii",
        ["fd_filestat_set_size"] = "il",
        ["fd_filestat_set_times"] = "illi",
        ["fd_pread"] = "iiili",
        ["fd_prestat_get"] = "ii",
        ["fd_prestat_dir_name"] = "iii",
        ["fd_pwrite"] = "iiili",
        ["fd_read"] = "iiii",
        ["fd_readdir"] = "iiili",
        ["fd_renumber"] = "ii",
        ["fd_seek"] = "ilii",
        ["fd_sync"] = "i",
        ["fd_tell"] = "ii",
        ["fd_write"] = "iiii",
        ["path_create_directory"] = "iii",
        ["path_filestat_get"] = "iiiii",
        ["path_filestat_set_times"] = "iiiilli",
        ["path_link"] = "iiiiiii",
        ["path_open"] = "iiiiillii",
        ["path_readlink"] = "iiiiii",
        ["path_remove_directory"] = "iii",
        ["path_rename"] = "iiiiii",
        ["path_symlink"] = "iiiii",
        ["path_unlink_file"] = "iii",
        ["poll_oneoff"] = "iiii",
        ["proc_exit"] = "i",
        ["proc_raise"] = "i",
        ["random_get"] = "ii",
        ["sched_yield"] = "",
        ["sock_accept"] = "iii",
        ["sock_recv"] = "iiiiii",
        ["sock_send"] = "iiiii",
        ["sock_shutdown"] = "ii",
    };

    public static IReadOnlyList<string> Names { get; } = [.. s_signatures.Keys];

    /// <summary>Each function with a parameter that is an address, and which it is.</summary>
    public static TheoryData<string, int> Addresses { get; } = new()
    {
        { "args_get", 1 },
        { "args_sizes_get", 0 },
        { "args_sizes_get", 1 },
        { "environ_get", 1 },
        { "environ_sizes_get", 0 },
        { "environ_sizes_get", 1 },
        { "clock_res_get", 1 },
        { "clock_time_get", 2 },
        { "fd_fdstat_get", 1 },
        { "fd_filestat_get", 1 },
        { "fd_prestat_get", 1 },
        { "fd_prestat_dir_name", 1 },
        { "fd_read", 1 },
        { "fd_read", 3 },
        { "fd_write", 1 },
        { "fd_write", 3 },
        { "fd_pread", 1 },
        { "fd_pread", 4 },
        { "fd_pwrite", 1 },
        { "fd_pwrite", 4 },
        { "fd_readdir", 1 },
        { "fd_readdir", 4 },
        { "fd_seek", 3 },
        { "fd_tell", 1 },
        { "path_create_directory", 1 },
        { "path_filestat_get", 2 },
        { "path_filestat_get", 4 },
        { "path_filestat_set_times", 2 },
        { "path_link", 2 },
        { "path_link", 5 },
        { "path_open", 2 },
        { "path_open", 8 },
        { "path_readlink", 1 },
        { "path_readlink", 3 },
        { "path_readlink", 5 },
        { "path_remove_directory", 1 },
        { "path_rename", 1 },
        { "path_rename", 4 },
        { "path_symlink", 0 },
        { "path_symlink", 3 },
        { "path_unlink_file", 1 },
        { "poll_oneoff", 0 },
        { "poll_oneoff", 1 },
        { "poll_oneoff", 3 },
        { "random_get", 0 },
    };

    [Fact]
    public void DefineIn_DefinesEveryFunctionOfTheWitx()
    {
        using var context = new WasiContext(new());
        var imports = new Imports();
        context.DefineIn(imports);
        foreach (var (name, parameters) in s_signatures)
        {
            var type = imports.Find(WasiContext.ModuleName, name).ShouldBeOfType<Function>(name).Type;
            string.Concat(type.Parameters.Select(kind => kind == ValueKind.I32 ? 'i' : 'l')).ShouldBe(parameters, name);
            type.Results.ShouldBe(name == "proc_exit" ? [] : [ValueKind.I32], name);
        }
    }

    [Fact]
    public void DefineIn_AmongOtherDefinitions_TheLastOfANameWins()
    {
        using var first = new WasiContext(new());
        using var second = new WasiContext(new());
        var own = Function.FromDelegate(() => 7);
        var imports = new Imports()
            .Add(WasiContext.ModuleName, "fd_write", own)
            .Add(WasiContext.ModuleName, "fd_teleport", own)
            .Add("env", "fd_write", own);
        first.DefineIn(imports);
        imports.Find(WasiContext.ModuleName, "fd_write").ShouldNotBe(own);
        imports.Find(WasiContext.ModuleName, "fd_teleport").ShouldBe(own);
        imports.Find("env", "fd_write").ShouldBe(own);
        imports.Find(WasiContext.ModuleName, "unknown").ShouldBeNull();

        imports.Add(WasiContext.ModuleName, "fd_read", own);
        imports.Find(WasiContext.ModuleName, "fd_read").ShouldBe(own);
        second.DefineIn(imports);
        imports.Find(WasiContext.ModuleName, "fd_read").ShouldNotBe(own);
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void Call_WithAnAddressOutsideOfMemory_AnswersFault(string name, int parameter)
    {
        var files = new Stoa.Wasm.Wasi.Files.MemoryFileSystem();
        files.WriteFile("f", "abc"u8);
        using var guest = WasiGuest.With(files, new() { Arguments = ["a"], Environment = [new("K", "V")] });
        guest.OnPaths("path_symlink", "f", "l").ShouldBe(Errno.Success);
        guest.PutBuffers("x");
        // A one-byte path, its content the letter f, where a path is asked for.
        guest.Memory.WriteInt32(2_048, name == "path_readlink" ? 'l' : 'f');
        var arguments = GoodArguments(guest, name);
        arguments[parameter] = WasiGuest.Nowhere;
        guest.Call(name, arguments).ShouldBe(Errno.Fault);
    }

    [Theory]
    [InlineData(0, Errno.Success)]
    [InlineData(1, Errno.Success)]
    [InlineData(2, Errno.Inval)]
    [InlineData(3, Errno.Inval)]
    [InlineData(-1, Errno.Inval)]
    public void Clock_OnlyRealtimeAndMonotonic_AreKnown(int id, Errno expected)
    {
        using var guest = new WasiGuest();
        guest.Call("clock_res_get", id, 8).ShouldBe(expected);
        guest.Call("clock_time_get", id, 0L, 8).ShouldBe(expected);
    }

    [Fact]
    public void Arguments_AreWrittenWithTheirEnds()
    {
        using var guest = new WasiGuest(new() { Arguments = ["prog", "ü b"], Environment = [new("A", "1"), new("B", "")] });
        guest.Call("args_sizes_get", 8, 12).ShouldBe(Errno.Success);
        (guest.Memory.ReadInt32(8), guest.Memory.ReadInt32(12)).ShouldBe((2, 10));
        guest.Call("args_get", 100, 200).ShouldBe(Errno.Success);
        (guest.Memory.ReadInt32(100), guest.Memory.ReadInt32(104)).ShouldBe((200, 205));
        guest.Memory.ReadUtf8(200, 10).ShouldBe("prog\0ü b\0");
        guest.Call("environ_sizes_get", 8, 12).ShouldBe(Errno.Success);
        (guest.Memory.ReadInt32(8), guest.Memory.ReadInt32(12)).ShouldBe((2, 7));
        guest.Call("environ_get", 100, 200).ShouldBe(Errno.Success);
        guest.Memory.ReadUtf8(200, 7).ShouldBe("A=1\0B=\0");
    }

    [Fact]
    public void Arguments_ThatCannotBeSaid_AreRefused()
    {
        Should.Throw<ArgumentException>(() => new WasiContext(new() { Arguments = ["a\0b"] }));
        Should.Throw<ArgumentException>(() => new WasiContext(new() { Environment = [new("K", new string('x', 2 << 20))] }));
    }

    [Fact]
    public void Random_FromASeed_FillsTheWholeBuffer()
    {
        using var guest = new WasiGuest(WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, seed: 0));
        guest.Call("random_get", 100, 8).ShouldBe(Errno.Success);
        guest.Memory.ReadInt64(100).ShouldBe(unchecked((long)0xE220A8397B1DCDAF));
        guest.Call("random_get", 0, 0).ShouldBe(Errno.Success);
    }

    [Fact]
    public void Exit_EndsTheGuestWithItsCode()
    {
        using var guest = new WasiGuest();
        Should.Throw<ProcessExitException>(() => guest.Instance.Invoke("proc_exit", 42)).ExitCode.ShouldBe(42U);
    }

    [Theory]
    [InlineData(0, Errno.Success)]
    [InlineData(13, Errno.Success)]
    [InlineData(18, Errno.NotSup)]
    [InlineData(31, Errno.Inval)]
    public void Raise_SignalThatEndsNothing_Answers(int signal, Errno expected)
    {
        using var guest = new WasiGuest();
        guest.Call("proc_raise", signal).ShouldBe(expected);
    }

    [Fact]
    public void Raise_SignalThatEnds_ExitsAsShellsReportIt()
    {
        using var guest = new WasiGuest();
        Should.Throw<ProcessExitException>(() => guest.Call("proc_raise", 6)).ExitCode.ShouldBe(134U);
    }

    [Theory]
    [InlineData("sock_accept", 2)]
    [InlineData("sock_recv", 5)]
    [InlineData("sock_send", 4)]
    [InlineData("sock_shutdown", 1)]
    public void Sockets_ThereAreNone(string name, int further)
    {
        using var guest = new WasiGuest();
        guest.Call(name, [1, .. Enumerable.Repeat<Value>(0, further)]).ShouldBe(Errno.NotSock);
        guest.Call(name, [77, .. Enumerable.Repeat<Value>(0, further)]).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Yield_Succeeds()
    {
        using var guest = new WasiGuest();
        guest.Call("sched_yield").ShouldBe(Errno.Success);
    }

    private static Value[] GoodArguments(WasiGuest guest, string name)
    {
        var fd = name switch
        {
            "fd_read" => 0,
            "fd_write" => 1,
            "fd_pread" or "fd_pwrite" or "fd_seek" or "fd_tell" =>
                guest.Open("f", rights: Rights.FdRead | Rights.FdWrite | Rights.FdSeek),
            _ => WasiGuest.Root,
        };
        Value Zero = 0L;
        return name switch
        {
            "clock_time_get" => [0, Zero, 8],
            "fd_prestat_dir_name" => [fd, 2_048, 10],
            "fd_read" or "fd_write" => [fd, 1_024, 1, 8],
            "fd_pread" or "fd_pwrite" => [fd, 1_024, 1, Zero, 8],
            "fd_readdir" => [fd, 2_048, 100, Zero, 8],
            "fd_seek" => [fd, Zero, 0, 8],
            "path_filestat_get" => [fd, 0, 2_048, 1, 100],
            "path_filestat_set_times" => [fd, 0, 2_048, 1, Zero, Zero, 0],
            "path_link" => [fd, 0, 2_048, 1, fd, 2_048, 1],
            "path_open" => [fd, 0, 2_048, 1, 0, Zero, Zero, 0, 8],
            "path_readlink" => [fd, 2_048, 1, 100, 100, 8],
            "path_rename" => [fd, 2_048, 1, fd, 2_048, 1],
            "path_symlink" => [2_048, 1, fd, 2_048, 1],
            "poll_oneoff" => [2_048, 4_096, 1, 8],
            "random_get" => [100, 100],
            "clock_res_get" => [0, 8],
            _ when name.StartsWith("fd_", StringComparison.Ordinal) => [fd, 8],
            _ when name.StartsWith("path_", StringComparison.Ordinal) => [fd, 2_048, 1],
            _ => [8, 12],
        };
    }
}
