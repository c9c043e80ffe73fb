using Stoa.Llama.Engine;
using Stoa.Llama.Tests.Models;

namespace Stoa.Llama.Tests.Engine;

/// <summary>A tiny model in memory, for all tests of the engine. The libraries cannot be unloaded, and are of this process.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-llama-").FullName;

    public LlamaModel Model { get; private set; } = null!;

    public string File => Path.Combine(_folder, "tiny.gguf");

    public string Libraries { get; private set; } = "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Skips tests where there are no libraries: a fixture cannot.</summary>
    public async Task<LlamaModel> LoadAsync()
    {
        Libraries = await LlamaLibraries.FindAsync(Stop);
        lock (this)
            return Model ??= LlamaModel.Load(Libraries, File);
    }

    public ValueTask InitializeAsync()
    {
        TinyModel.Save(File);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        Model?.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
