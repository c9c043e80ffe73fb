using System.Text.Json;

namespace Stoa.Cli.Tests.Commands;

public sealed class AgentFolderTests : IDisposable
{
    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task New_MakesAFolderThatSaysItsName()
    {
        (await _cli.RunAsync("agent new hello")).ShouldBe(ExitCode.Ok);

        var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_cli.Folder, "hello", "agent.json"))).RootElement;
        manifest.GetProperty("name").GetString().ShouldBe("hello");
        manifest.GetProperty("program").GetString().ShouldBe("hello.wasm");
        Directory.GetFiles(Path.Combine(_cli.Folder, "hello")).Select(Path.GetFileName).Order().ShouldBe(["README.md", "agent.json", "build.sh", "main.c", "stoa.h"]);
    }

    [Fact]
    public async Task New_InAFolderWithSomething_IsRefused()
    {
        _cli.Write("hello/precious.txt", "mine");

        (await _cli.RunAsync("agent new hello")).ShouldBe(ExitCode.Usage);

        Directory.GetFiles(Path.Combine(_cli.Folder, "hello")).Length.ShouldBe(1);
    }

    [Fact]
    public async Task Manifest_WithFaults_IsRefusedWithAllOfThem()
    {
        _cli.Write("bad/agent.json", """{ "name": "Bad Name", "version": "one" }""");

        (await _cli.RunAsync("agent publish bad")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("/name");
        _cli.Error.ShouldContain("/version");
    }

    [Fact]
    public async Task Publish_BeforeBuild_SaysToBuild()
    {
        await _cli.RunAsync("agent new hello");

        (await _cli.RunAsync("agent publish hello")).ShouldBe(ExitCode.Usage);

        _cli.Error.ShouldContain("stoa agent build");
    }

    [Fact]
    public async Task Build_WithoutACompiler_SaysHowToInstallIt()
    {
        await _cli.RunAsync("agent new hello");
        _cli.Variables["PATH"] = _cli.Folder;

        (await _cli.RunAsync("agent build hello")).ShouldBe(ExitCode.ToolMissing);

        _cli.Error.ShouldContain("apt-get install clang");
    }

    [Fact]
    [Trait("needs", "clang")]
    public async Task Build_OfANewAgent_MakesAProgram()
    {
        SkipWithoutClang();
        await _cli.RunAsync("agent new hello");

        (await _cli.RunAsync("agent build hello --json")).ShouldBe(ExitCode.Ok, _cli.Error);

        var built = JsonDocument.Parse(_cli.Output).RootElement;
        File.ReadAllBytes(built.GetProperty("program").GetString()!)[..4].ShouldBe("\0asm"u8.ToArray());
    }

    [Fact]
    [Trait("needs", "clang")]
    public async Task Build_OfSourcesThatDoNotCompile_TellsWhatTheCompilerSays()
    {
        SkipWithoutClang();
        await _cli.RunAsync("agent new hello");
        _cli.Write("hello/main.c", "int main(void) { return nonsense; }");

        (await _cli.RunAsync("agent build hello")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("nonsense");
    }

    private static void SkipWithoutClang()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        Assert.SkipUnless(
            folders.Any(folder => File.Exists(Path.Combine(folder, "clang"))) && folders.Any(folder => File.Exists(Path.Combine(folder, "wasm-ld"))) && Directory.Exists("/usr/lib/wasm32-wasi"),
            "needs clang, lld and wasi-libc");
    }
}
