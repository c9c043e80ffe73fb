using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Stoa.Llama.Tests.Models;

namespace Stoa.Cli.Tests.Node;

/// <summary><c>stoa model serve</c> as a process.</summary>
[Trait("needs", "node")]
public sealed class ModelServeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-serve-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task File_IsServedUntilItIsStopped()
    {
        var file = Path.Combine(_folder, "tiny.gguf");
        TinyModel.Save(file);
        string[] arguments = [typeof(StoaCommandLine).Assembly.Location, "model", "serve", file, "--library", await LlamaLibraries.FindAsync(Stop), "--port", "0", "--context", "256", "--threads", "1", "--json"];
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var said = "";
            while (!said.TrimEnd().EndsWith('}'))
                said += await process.StandardOutput.ReadLineAsync(Stop) ?? throw new InvalidOperationException(await process.StandardError.ReadToEndAsync(Stop));
            var started = JsonNode.Parse(said)!;
            started["contextLength"]!.GetValue<int>().ShouldBe(256);
            using var http = new HttpClient();

            using var answer = await http.PostAsJsonAsync($"{started["address"]}/chat/completions", new { model = "tiny", messages = new[] { new { role = "user", content = "Say hello" } }, max_tokens = 4 }, Stop);

            JsonNode.Parse(await answer.Content.ReadAsStringAsync(Stop))!["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBeInRange(1, 4);
            using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
                await kill.WaitForExitAsync(Stop);
            await process.WaitForExitAsync(Stop);
            process.ExitCode.ShouldBe(0);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
