using System.ComponentModel;
using System.Diagnostics;
using Stoa.Market.Calls;
using Stoa.Market.Tests.Samples;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;

namespace Stoa.Market.Tests.Calls;

/// <summary>sdk/guest/c/stoa.h, compiled and run against the node's side of it.</summary>
[Trait("needs", "clang")]
public sealed class GuestHeaderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("stoa-guest-");

    /// <summary>The call in C, and what it tells.</summary>
    public static TheoryData<string, AgentProgress> Calls() => new()
    {
        { "stoa_progress(3, 10, \"rows\")", new AgentProgress(3, 10, "rows") },
        { "stoa_progress(0, 0, NULL)", new AgentProgress(0, null, null) },
        { "stoa_progress(9007199254740991, 9007199254740991, \"\")", new AgentProgress(9_007_199_254_740_991, 9_007_199_254_740_991, null) },
        { "stoa_progress(1, 0, \"\\\"a\\\\b\\\"\\n\\x1f\\x7f größer\")", new AgentProgress(1, null, "\"a\\b\"\n\u001f\u007f größer") },
        { $"stoa_progress(1, 0, \"{new string('x', 300)}\")", new AgentProgress(1, null, new string('x', 200)) },
        // 199 bytes and a character of four: it is left out whole.
        { $"stoa_progress(1, 0, \"{new string('x', 199)}😀\")", new AgentProgress(1, null, new string('x', 199)) },
        { $"stoa_progress(1, 0, \"{new string('x', 196)}😀\")", new AgentProgress(1, null, new string('x', 196) + "😀") },
        { $"stoa_progress(1, 0, \"{string.Concat(Enumerable.Repeat("\\x01", 250))}\")", new AgentProgress(1, null, new string('\u0001', 200)) },
    };

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Progress_FromC_ArrivesAsItWasTold(string call, AgentProgress told)
    {
        var (exitCode, board) = await RunAsync($"return {call};");

        exitCode.ShouldBe(0);
        board.Read().ShouldBe(told);
    }

    [Fact]
    public async Task Progress_ThatIsRefused_LeavesNoAnswerOpen()
    {
        // More often than answers may be open.
        var (exitCode, board) = await RunAsync("for (int i = 0; i < 40; i++) if (stoa_progress(UINT64_MAX, 0, NULL) <= 0) return 1; return stoa_progress(5, 0, NULL);");

        exitCode.ShouldBe(0);
        board.Read().ShouldBe(new AgentProgress(5, null, null));
    }

    [Theory]
    [InlineData("NULL")]
    [InlineData("\"{\\\"model\\\":\\\"auto\\\",\\\"prompt\\\":\\\"x\\\"}\"")]
    public async Task Ask_FromC_IsAMessageThatIsUnderstood(string body)
    {
        // Without a node the answer is {"error":"modelsUnavailable",…}.
        var (exitCode, _) = await RunAsync(
            $"int32_t ask = stoa_ask(\"completions\", {body}); char told[64] = {{0}}; if (ask <= 0 || stoa_run(ask) != 1 || stoa_read(ask, told, 63) != 63) return 2; return told[10] == 'm' && told[11] == 'o' ? 0 : 3;");

        exitCode.ShouldBe(0);
    }

    private async Task<(int ExitCode, ProgressBoard Board)> RunAsync(string body)
    {
        var source = Path.Combine(_folder.FullName, "main.c");
        var program = Path.Combine(_folder.FullName, "main.wasm");
        await File.WriteAllTextAsync(source, $"#include \"stoa.h\"\nint main(void) {{ {body} }}\n", TestContext.Current.CancellationToken);
        await CompileAsync(source, program);
        var board = new ProgressBoard();

        var report = WasiRun.Execute(new Engine(), new WasiRunRequest
        {
            Module = await File.ReadAllBytesAsync(program, TestContext.Current.CancellationToken),
            DefineMore = imports => AgentCalls.DefineIn(imports, board, ClosedCallDesk.WithoutNode),
        });

        return (report.Outcome.ShouldBeOfType<WasiRunOutcome.Exited>().ExitCode, board);
    }

    private static async Task CompileAsync(string source, string program)
    {
        var header = Path.GetFullPath(Path.Combine(SampleFolder.Root, "..", "sdk", "guest", "c"));
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("CLANG") ?? "clang",
            ["--target=wasm32-wasi", "-std=c11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Werror", "-I", header, "-o", program, source])
        {
            RedirectStandardError = true,
        };
        try
        {
            using var clang = Process.Start(start)!;
            var said = await clang.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await clang.WaitForExitAsync(TestContext.Current.CancellationToken);
            clang.ExitCode.ShouldBe(0, said);
        }
        catch (Win32Exception)
        {
            Assert.Skip("There is no clang.");
        }
    }
}
