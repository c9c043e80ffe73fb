using Stoa.Wasm.Binary;
using Stoa.Wasm.Tests.Wasi.Files;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests.Wasi;

[Trait("needs", "clang")]
public sealed class ClangProgramTests : IDisposable
{
    private static readonly Engine s_engine = new();

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string, string> Programs { get; } = new()
    {
        { "files", "memory" },
        { "files", "host" },
        { "directories", "memory" },
        { "directories", "host" },
        { "directories", "portable" },
        { "escapes", "memory" },
        { "escapes", "host" },
        { "escapes", "portable" },
        { "clocks", "memory" },
        { "clocks", "real time" },
    };

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_OnEachFileSystem_FindsNothingWrong(string name, string world)
    {
        var inside = Directory.CreateDirectory(Path.Combine(_directory.FullPath, "inside")).FullName;
        File.WriteAllText(Path.Combine(_directory.FullPath, "secret"), "secret");
        FileSystem files = world switch
        {
            "memory" => new MemoryFileSystem(),
            "portable" => new HostFileSystem(inside, portable: true),
            _ => new HostFileSystem(inside),
        };
        var errors = GuestOutput.ToMemory();
        var output = GuestOutput.ToMemory();
        var options = world == "memory" ? WasiOptions.Deterministic(DateTimeOffset.UnixEpoch.AddYears(50), 1) : new();
        var report = Run(name, options with { Arguments = [name], Stdout = output, Stderr = errors, Preopens = [new("/", files)] });
        errors.ToString().ShouldBe("");
        report.Outcome.ShouldBe(new WasiRunOutcome.Exited(0));
        output.ToString().ShouldBe($"{name}: ok\n");
        Directory.EnumerateFileSystemEntries(inside).ShouldBeEmpty();
        File.ReadAllText(Path.Combine(_directory.FullPath, "secret")).ShouldBe("secret");
    }

    [Fact]
    public void World_IsWhatTheOptionsSay()
    {
        var output = GuestOutput.ToMemory();
        var errors = GuestOutput.ToMemory();
        var report = Run("world", new()
        {
            Arguments = ["world", "a b", "ü"],
            Environment = [new("K", "V=1"), new("EMPTY", "")],
            Stdin = GuestInput.FromBytes("0123456789"u8.ToArray()),
            Stdout = output,
            Stderr = errors,
        });
        report.Outcome.ShouldBe(new WasiRunOutcome.Exited(10));
        output.ToString().ShouldBe("[world]\n[a b]\n[ü]\n{K=V=1}\n{EMPTY=}\n0123456789");
        errors.ToString().ShouldBe("10 bytes\n");
        (report.BytesRead, report.BytesWritten).ShouldBe((10L, output.BytesWritten));
        report.FuelConsumed.ShouldBePositive();
    }

    [Fact]
    public void Vectors_ComputeWhatTheSameProgramDoesWithoutThem()
    {
        byte[] vectors = ClangProgram.Build("vectors", "-O3", "-msimd128");
        s_engine.Compile(vectors).Definition.Bodies.ShouldContain(body => body.Facts.HasFlag(FunctionFacts.HasVectorFloats));
        var (with, withReport) = Compute(vectors);
        var (without, withoutReport) = Compute(ClangProgram.Build("vectors", "-O3"));
        with.ShouldBe(without);
        with.Split('\n').Length.ShouldBe(16);
        withReport.FuelConsumed.ShouldBeLessThan(withoutReport.FuelConsumed);

        static (string Output, WasiRunReport Report) Compute(byte[] module)
        {
            var output = GuestOutput.ToMemory();
            var report = Run(module, new() { Arguments = ["vectors"], Stdout = output });
            report.Outcome.ShouldBe(new WasiRunOutcome.Exited(0));
            return (output.ToString(), report);
        }
    }

    [Fact]
    public void World_ThatIsDeterministic_ReplaysOutputAndFuel()
    {
        var first = Once();
        var second = Once();
        second.ShouldBe(first);

        (string Output, WasiRunReport Report) Once()
        {
            var output = GuestOutput.ToMemory();
            var report = Run("world", WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, 3) with
            {
                Stdin = GuestInput.FromStream(new MemoryStream(new byte[200_000])),
                Stdout = output,
            });
            return (output.ToString(), report);
        }
    }

    [Fact]
    public void World_ThatWritesTooMuch_EndsByItself()
    {
        var report = Run("world", new()
        {
            Stdin = GuestInput.FromBytes(new byte[100_000]),
            Stdout = GuestOutput.ToMemory(maxBytes: 50_000),
        });
        report.Outcome.ShouldBe(new WasiRunOutcome.OutputLimitExceeded(50_000));
        report.BytesWritten.ShouldBe(50_000);
    }

    [Fact]
    public void Program_OnAReadOnlyDirectory_CannotWrite()
    {
        var errors = GuestOutput.ToMemory();
        var files = new ReadOnlyFileSystem(new MemoryFileSystem());
        var report = Run("files", new() { Stderr = errors, Preopens = [new("/", files)] });
        report.Outcome.ShouldBe(new WasiRunOutcome.Exited(1));
        errors.ToString().ShouldContain("(errno 69)");
    }

    private static WasiRunReport Run(string name, WasiOptions world) => Run(ClangProgram.Build(name), world);

    private static WasiRunReport Run(byte[] module, WasiOptions world) => WasiRun.Execute(s_engine, new()
    {
        Module = module,
        World = world,
        Limits = new() { Fuel = 20_000_000_000, Timeout = TimeSpan.FromMinutes(2) },
    });
}
