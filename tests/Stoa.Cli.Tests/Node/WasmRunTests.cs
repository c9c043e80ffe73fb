using System.Text;

namespace Stoa.Cli.Tests.Node;

public sealed class WasmRunTests : IDisposable
{
    private readonly TestCli _cli = new();

    private static string Markdown => Path.Combine(RealNode.Sample("markdown-html"), "markdown-html.wasm");

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Program_ReadsAndWritesThePipes()
    {
        (await _cli.RunAsync(["wasm", "run", Markdown, "--stats"], Encoding.UTF8.GetBytes("*hi*"))).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldContain("<em>hi</em>");
        _cli.Error.ShouldContain("fuel");
    }

    [Fact]
    public async Task Agent_ThatTellsItsProgress_RunsWithoutANode()
    {
        var sample = RealNode.Sample("image-resize");

        (await _cli.RunAsync(
            ["wasm", "run", Path.Combine(sample, "image-resize.wasm"), "--stats"], File.ReadAllBytes(Path.Combine(sample, "input", "lake.png")))).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Error.ShouldContain("rows 800 of 800");
    }

    [Fact]
    public async Task Agent_ThatAsksAModel_IsToldThatThereIsNone()
    {
        (await _cli.RunAsync(["wasm", "run", Path.Combine(RealNode.Sample("text-summary"), "text-summary.wasm")], "A lake."u8.ToArray())).ShouldBe(2);

        _cli.Error.ShouldContain("modelsUnavailable");
        _cli.Error.ShouldContain("Submit it as a task to a node that serves the model.");
    }

    [Fact]
    public async Task Program_ExitCode_IsTheCommands()
    {
        // A module whose _start calls proc_exit(42).
        byte[] exiting =
        [
            0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
            1, 8, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0,
            2, 36, 1, 22, .. "wasi_snapshot_preview1"u8, 9, .. "proc_exit"u8, 0, 0,
            3, 2, 1, 1,
            5, 3, 1, 0, 1,
            7, 19, 2, 6, .. "_start"u8, 0, 1, 6, .. "memory"u8, 2, 0,
            10, 8, 1, 6, 0, 0x41, 42, 0x10, 0, 0x0b,
        ];
        File.WriteAllBytes(Path.Combine(_cli.Folder, "exit.wasm"), exiting);

        (await _cli.RunAsync("wasm run exit.wasm")).ShouldBe(42, _cli.Error);
    }

    [Theory]
    [InlineData("add math.wat 2 40", "42")]
    [InlineData("add math.wat 0xffffffff 1", "0")]
    [InlineData("half math.wat 5", "2.5")]
    [InlineData("two math.wat", "1\n-2")]
    [InlineData("nothing math.wat", "")]
    public async Task InvokedFunction_WritesItsResults(string call, string results)
    {
        await WriteFunctionsAsync();

        (await _cli.RunAsync("wasm run --invoke " + call)).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.Trim().ShouldBe(results);
    }

    [Theory]
    [InlineData("wasm run math.wat --invoke missing", "no function 'missing'")]
    [InlineData("wasm run math.wat --invoke add 1", "1 arguments are given")]
    [InlineData("wasm run math.wat --invoke add 1 two", "'two', is no i32")]
    [InlineData("wasm run math.wat --max-memory some", "'some' is not a size")]
    public async Task InvocationThatCannotBe_IsRefused(string command, string reason)
    {
        await WriteFunctionsAsync();

        (await _cli.RunAsync(command)).ShouldNotBe(ExitCode.Ok);

        _cli.Error.ShouldContain(reason);
    }

    [Fact]
    public async Task Limits_WithoutUnits_AreMegabytesAndMilliseconds()
    {
        await WriteFunctionsAsync();

        await _cli.RunAsync("wasm run math.wat --max-memory 2 --invoke grow 31");
        _cli.Output.Trim().ShouldBe("1");
        (await _cli.RunAsync("wasm run math.wat --max-memory 2 --timeout 30 --invoke endless")).ShouldBe(ExitCode.Trapped);
        _cli.Error.ShouldContain("deadline exceeded");
    }

    private Task WriteFunctionsAsync() => File.WriteAllTextAsync(
        Path.Combine(_cli.Folder, "math.wat"),
        """
        (module
          (memory 1)
          (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
          (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
          (func (export "two") (result i32 i64) (i32.const 1) (i64.const -2))
          (func (export "nothing"))
          (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
          (func (export "endless") (loop (br 0))))
        """);

    [Theory]
    [InlineData(0, "--dir", "files")]
    [InlineData(0, "--dir", "files::/")]
    [InlineData(0, "--dir", "files:/data")]
    [InlineData(69, "--read-only-dir", "files")]
    [InlineData(69, "--read-only-dir", "files::/")]
    [InlineData(8)]
    public async Task Program_GetsTheFoldersOfTheCommandLine(int exitCode, params string[] options)
    {
        // A module whose _start calls proc_exit with what path_open(3, "new", O_CREAT) answers.
        File.WriteAllBytes(Path.Combine(_cli.Folder, "open.wasm"), Convert.FromBase64String(
            "AGFzbQEAAAABFQNgCX9/f39/fn5/fwF/YAF/AGAAAAJHAhZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxCXBhdGhfb3BlbgAAFndhc2lfc25hcHNo"
            + "b3RfcHJldmlldzEJcHJvY19leGl0AAEDAgECBQMBAAEHEwIGbWVtb3J5AgAGX3N0YXJ0AAIKGgEYAEEDQQBBAEEDQQFCAEIAQQBBCBAAEAEL"
            + "CwkBAEEACwNuZXc="));
        var folder = Directory.CreateDirectory(Path.Combine(_cli.Folder, "files"));

        (await _cli.RunAsync(["wasm", "run", .. options, "open.wasm", "@no-file"])).ShouldBe(exitCode, _cli.Error);

        folder.GetFiles().Select(file => file.Name).ShouldBe(exitCode == 0 ? ["new"] : []);
    }

    [Theory]
    [InlineData("missing::/")]
    [InlineData("::/")]
    [InlineData("files::")]
    public async Task Folder_ThatIsNone_IsRefused(string text)
    {
        File.WriteAllBytes(Path.Combine(_cli.Folder, "any.wasm"), []);

        (await _cli.RunAsync(["wasm", "run", "any.wasm", "--dir", text])).ShouldBe(ExitCode.Usage);
    }

    [Fact]
    public async Task Program_AsText_Runs()
    {
        _cli.Write("exit.wat", """
            (module
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (memory (export "memory") 1)
              (func (export "_start") (call $exit (i32.const 42))))
            """);
        _cli.Write("broken.wat", "(module\n  (func (result i32)))");

        (await _cli.RunAsync("wasm run exit.wat")).ShouldBe(42, _cli.Error);
        (await _cli.RunAsync("wasm run broken.wat")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("type mismatch (at line 2, column 21)");
    }

    [Fact]
    public async Task Program_OutOfFuel_Traps()
    {
        (await _cli.RunAsync(["wasm", "run", Markdown, "--fuel", "100"], "x"u8.ToArray())).ShouldBe(ExitCode.Trapped);

        _cli.Error.ShouldContain("out of fuel");
    }

    [Fact]
    public async Task Program_ThatTraps_ShowsItsCalls()
    {
        File.WriteAllText(
            Path.Combine(_cli.Folder, "trap.wat"),
            """(module (memory (export "memory") 1) (func $inner (drop (i32.load (i32.const -1)))) (func (export "_start") (call $inner)))""");

        (await _cli.RunAsync("wasm run trap.wat")).ShouldBe(ExitCode.Trapped);

        _cli.Error.ShouldContain("error: The program trapped: out of bounds memory access\n  0: inner (wasm function 0)\n  1: _start (wasm function 1)\n");
    }

    [Fact]
    public async Task File_ThatIsNoProgram_IsRefused()
    {
        _cli.Write("text.wasm", "just text");

        (await _cli.RunAsync("wasm run text.wasm")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("not a WebAssembly module");
    }
}
