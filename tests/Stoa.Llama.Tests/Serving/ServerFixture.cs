using System.Net.Http.Headers;
using Stoa.Llama.Engine;
using Stoa.Llama.Serving;
using Stoa.Llama.Tests.Models;

namespace Stoa.Llama.Tests.Serving;

/// <summary>A tiny model that is served in this process, with a key.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private const string Key = "secret-of-the-tests";

    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-llama-").FullName;
    private readonly SemaphoreSlim _turn = new(1);
    private ModelServer? _server;

    public HttpClient Http { get; private set; } = null!;

    public ModelServer Server => _server!;

    public string File => Path.Combine(_folder, "tiny.gguf");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ServingOptions OptionsOf(string libraries) => new()
    {
        File = File,
        Library = libraries,
        Key = Key,
        MaxRequestBytes = 100_000,
        Engine = new EngineOptions { Slots = 3, ContextLength = 512, Threads = 1, MaxWaiting = 8 },
    };

    /// <summary>Skips tests where there are no libraries.</summary>
    public async Task<HttpClient> StartAsync()
    {
        var libraries = await LlamaLibraries.FindAsync(Stop);
        await _turn.WaitAsync(Stop);
        try
        {
            if (_server is not null)
                return Http;
            _server = await ModelServer.StartAsync(OptionsOf(libraries), TimeProvider.System, Stop);
            Http = new HttpClient(new SocketsHttpHandler { MaxResponseDrainSize = 0 }) { BaseAddress = new Uri(_server.Address, "/"), Timeout = TimeSpan.FromMinutes(2) };
            Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
            return Http;
        }
        finally
        {
            _turn.Release();
        }
    }

    public ValueTask InitializeAsync()
    {
        TinyModel.Save(File);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
        _turn.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
