using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using Stoa.Llama.Engine;
using Stoa.Llama.Serving;
using Stoa.Llama.Tests.Models;

namespace Stoa.Llama.Tests.Serving;

/// <summary>The worker as a process.</summary>
[Trait("needs", "node")]
public sealed class WorkerTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static readonly string s_program = typeof(Worker).Assembly.Location;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Worker_ServesWithItsKey_AndEndsWithItsInput()
    {
        using var process = Start(fixture.OptionsOf(await LlamaLibraries.FindAsync(Stop)));
        await process.StandardInput.WriteLineAsync("a-key");
        await process.StandardInput.FlushAsync(Stop);
        var line = await process.StandardOutput.ReadLineAsync(Stop);
        var ready = JsonSerializer.Deserialize(line ?? throw new InvalidOperationException(await process.StandardError.ReadToEndAsync(Stop)), WorkerJson.Default.WorkerReady)!;
        ready.ContextLength.ShouldBe(512);
        ready.Writes.ShouldBeTrue();
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "a-key");
        (await http.GetStringAsync(new Uri(ready.Address + "/models"), Stop)).ShouldContain("\"tiny\"");

        process.StandardInput.Close();

        await process.WaitForExitAsync(Stop).WaitAsync(TimeSpan.FromMinutes(1), Stop);
        process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task Worker_SaysWhyItCannotServe()
    {
        var libraries = await LlamaLibraries.FindAsync(Stop);
        var noModel = Path.GetTempFileName();
        await File.WriteAllTextAsync(noModel, "This is a text and no model, though it is long enough.", Stop);
        var torn = Path.GetTempFileName();
        await File.WriteAllBytesAsync(torn, (await File.ReadAllBytesAsync(fixture.File, Stop))[..20_000], Stop);

        (await FailureAsync(fixture.OptionsOf(libraries) with { File = "/nowhere/model.gguf" })).ShouldContain("/nowhere/model.gguf cannot be read");
        (await FailureAsync(fixture.OptionsOf(libraries) with { File = noModel })).ShouldContain("no GGUF file");
        (await FailureAsync(fixture.OptionsOf(libraries) with { File = torn })).ShouldContain("cannot load");
        (await FailureAsync(fixture.OptionsOf("/nowhere"))).ShouldContain("npm install @node-llama-cpp");
        var empty = Directory.CreateTempSubdirectory("stoa-llama-");
        (await FailureAsync(fixture.OptionsOf(empty.FullName))).ShouldContain("There is no libggml.so");
        empty.Delete();
        (await FailureAsync(fixture.OptionsOf(libraries) with { Engine = new EngineOptions { ChatTemplate = "no-such-template" } })).ShouldContain("no chat template");
        File.Delete(noModel);
        File.Delete(torn);
    }

    [Fact]
    public void Arguments_AreReadAsTheyWereWritten()
    {
        var options = new ServingOptions
        {
            File = "/models/a b.gguf",
            Library = "/lib",
            Port = 8_080,
            MaxRequestBytes = 5_000,
            Engine = new EngineOptions { Slots = 7, ContextLength = 99, Threads = 3, StepTokens = 64, MaxWaiting = 0, ChatTemplate = "chatml" },
        };

        ServingOptions.Read(options.ToArguments()).ShouldBe(options with { Name = "a b" });
        Should.Throw<ArgumentException>(() => ServingOptions.Read(["a.gguf", "--library", "/lib", "--other", "1"]));
        Should.Throw<ArgumentException>(() => ServingOptions.Read(["a.gguf"]));
    }

    private static async Task<string> FailureAsync(ServingOptions options)
    {
        using var process = Start(options);
        await process.StandardInput.WriteLineAsync("a-key");
        await process.StandardInput.FlushAsync(Stop);
        var said = await process.StandardError.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        process.ExitCode.ShouldBe(Worker.CannotServe, said);
        return said;
    }

    private static Process Start(ServingOptions options) => Process.Start(new ProcessStartInfo("dotnet", [s_program, .. options.ToArguments()])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
