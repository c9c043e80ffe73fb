using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Stoa.Wasm.Tests.Fuzz;

/// <summary>A minute of fuzzing, each time from another seed, in a process of its own. What it finds says how to replay it.</summary>
[Trait("speed", "slow")]
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData("decode", 20)]
    [InlineData("execute", 40)]
    public async Task Fuzzer_RunForAWhile_FindsNothing(string mode, int seconds)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Stoa.Wasm.Fuzz.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, mode, "--seconds", $"{seconds}", "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var patience = new CancellationTokenSource(s_patience);
        using var end = patience.Token.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        string answer = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);

        output.WriteLine(answer);
        output.WriteLine(await errors);
        answer.ShouldNotBeEmpty("The fuzzer died; artifacts/fuzz/last-seed.txt names the seed.");
        var report = JsonNode.Parse(answer)!;
        report["findings"]!.AsArray().Select(finding => $"{finding!["replay"]}\n{finding["description"]}").ShouldBeEmpty();
        ((long)report["executions"]!).ShouldBeGreaterThan(0);
        process.ExitCode.ShouldBe(0);
    }
}
