using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Network;
using Stoa.Node.Tests.Observability;

namespace Stoa.Node.Tests.Tasks;

/// <summary>A node on production wiring, in this process, on a free port, with a data folder of its own.</summary>
public sealed class TestNode : IAsyncDisposable
{
    private const string Password = "a long enough password";

    private static readonly AgentLimitsBody s_limits = new(
        Fuel: 100_000_000, MemoryBytes: 8 << 20, TimeoutMs: 60_000, OutputBytes: 10_000_000, LogBytes: 4096);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _folder;
    private readonly NodeLog _log;
    private readonly bool _ownsFolder;
    private readonly Uri _address;
    private readonly string? _key;
    private bool _stopped;

    private TestNode(string folder, bool ownsFolder, NodeLog log, NodeHost host, Uri address, string? key)
    {
        (_folder, _ownsFolder, _log, Host, _address, _key) = (folder, ownsFolder, log, host, address, key);
        Client = new StoaClient(new StoaClientOptions { Address = address, ApiKey = key, ResponseTimeout = s_patience * 5 });
    }

    public NodeHost Host { get; }

    /// <summary>Where other nodes join the network by this one; it has to take part.</summary>
    public string PeerAddress => Host.Services.GetRequiredService<NetworkService>().Addresses[0].ToString();

    /// <summary>As the node's first administrator, whose wallet has an opening credit of 10 dollars.</summary>
    public StoaClient Client { get; }

    /// <summary>Starts a node. Options are as on the command line.</summary>
    /// <param name="folder">The data folder of an earlier node; null for a new one.</param>
    /// <param name="options">Such as <c>--Tasks:Workers</c> and <c>1</c>.</param>
    public static Task<TestNode> StartAsync(string? folder = null, params string[] options) => StartAsync(folder, NodePhysics.Real, options);

    /// <summary>Starts a node with a clock or chance of the test's own.</summary>
    public static async Task<TestNode> StartAsync(string? folder, NodePhysics physics, params string[] options)
    {
        var data = folder ?? Directory.CreateTempSubdirectory("stoa-node-").FullName;
        var log = new NodeLog();
        var host = await NodeHost.BuildAsync(
            ["--data", data, "--url", "http://127.0.0.1:0", .. log.Options, .. options],
            physics,
            cancellationToken: TestContext.Current.CancellationToken);
        var started = await host.StartAsync(TestContext.Current.CancellationToken);
        // Of the nodes of a cell the first one has made the key.
        var key = File.Exists(started.AdminKeyFile) ? await File.ReadAllTextAsync(started.AdminKeyFile, TestContext.Current.CancellationToken) : null;
        return new TestNode(data, folder is null, log, host, started.Address, key?.Trim());
    }

    /// <summary>Connects to this node with the key of another node of its cell.</summary>
    public StoaClient Connect(TestNode other) => new(new StoaClientOptions { Address = _address, ApiKey = other._key });

    /// <summary>Registers somebody and signs in as him. What is refused for a moment is told at once, not tried again.</summary>
    /// <param name="handle">His; the address follows from it.</param>
    public async Task<StoaClient> JoinAsync(string handle)
    {
        using var anonymous = new StoaClient(Client.Options with { ApiKey = null });
        await anonymous.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", Password), TestContext.Current.CancellationToken);
        return await LoginAsync(handle);
    }

    /// <summary>Signs in as somebody who has joined.</summary>
    public async Task<StoaClient> LoginAsync(string handle)
    {
        using var anonymous = new StoaClient(Client.Options with { ApiKey = null });
        var session = await anonymous.LoginAsync(new LoginRequest(handle, Password), TestContext.Current.CancellationToken);
        return new StoaClient(Client.Options with { ApiKey = session.Token, MaxAttempts = 1 });
    }

    /// <summary>Publishes a program as an agent and answers its listing.</summary>
    public static async Task<string> PublishAsync(StoaClient client, string name, byte[] program, AgentLimitsBody? limits = null, string version = "1.0.0",
        string capability = "test.run", AgentPriceBody? price = null, AgentPortBody? output = null, IReadOnlyList<AgentParameterBody>? parameters = null)
    {
        var manifest = new AgentManifestBody(
            name,
            version,
            "A program of the tests.",
            [capability],
            name + ".wasm",
            new AgentPortBody("text/plain"),
            output ?? new AgentPortBody("text/plain"),
            limits ?? s_limits,
            price ?? new AgentPriceBody("0.0001", "0.0005", "0.001"),
            Parameters: parameters);
        var json = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody);
        return (await client.PublishAgentAsync(json, new MemoryStream(program), cancellationToken: TestContext.Current.CancellationToken)).Listing;
    }

    public Task<string> PublishAsync(string name, byte[] program, AgentLimitsBody? limits = null) => PublishAsync(Client, name, program, limits);

    /// <summary>Submits a text and waits for the end: for so long, or, on a machine that has much else to do, for minutes.</summary>
    public async Task<TaskResponse> RunAsync(string agent, string input = "hello", TimeSpan? wait = null)
    {
        var stop = TestContext.Current.CancellationToken;
        var task = await Client.SubmitTextAsync(agent, input, new SubmitOptions { Wait = wait ?? s_patience }, stop);
        for (var look = 0; look < 4 && wait is null && task.State is "queued" or "running"; look++)
            task = await Client.ExecuteTaskAsync(task.Id, s_patience, stop);
        return task;
    }

    public async Task<string> ResultAsync(TaskResponse task)
    {
        using var result = new MemoryStream();
        await Client.DownloadResultAsync(task, result, cancellationToken: TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(result.ToArray());
    }

    /// <summary>Stops the node as a signal does, and leaves its data folder for the next one.</summary>
    public async Task<string> StopAsync()
    {
        if (_stopped)
            return _folder;
        _stopped = true;
        Client.Dispose();
        await Host.DisposeAsync();
        _log.Close();
        return _folder;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_ownsFolder)
            Directory.Delete(_folder, recursive: true);
    }
}
