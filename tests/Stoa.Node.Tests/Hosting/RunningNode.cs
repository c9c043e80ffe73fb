using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Observability;

namespace Stoa.Node.Tests.Hosting;

/// <summary>A whole node in this process, with its production wiring, on a free port and a folder of its own.</summary>
public sealed class RunningNode : IAsyncDisposable
{
    private readonly NodeHost _host;
    private readonly NodeLog _log;
    private readonly bool _ownsFolder;

    private RunningNode(NodeHost host, NodeStarted started, NodeLog log, bool ownsFolder)
    {
        (_host, Started, _log, _ownsFolder) = (host, started, log, ownsFolder);
        // Of the nodes of a cell the first one has made the key.
        AdminKey = File.Exists(started.AdminKeyFile) ? File.ReadAllText(started.AdminKeyFile).Trim() : "";
        Anonymous = NewClient(null);
        Admin = NewClient(AdminKey.Length > 0 ? AdminKey : null);
    }

    public NodeStarted Started { get; }

    public string AdminKey { get; }

    /// <summary>Sends no credential.</summary>
    public HttpClient Anonymous { get; }

    /// <summary>Sends the key of the first administrator.</summary>
    public HttpClient Admin { get; }

    /// <param name="args">Options beside the folder and the port. Passwords are hashed quickly unless they say otherwise.</param>
    public static Task<RunningNode> StartAsync(params string[] args) => StartAsync(physics: null, args);

    public static Task<RunningNode> StartAsync(NodePhysics? physics, params string[] args) =>
        StartInAsync(Directory.CreateTempSubdirectory("stoa-node-").FullName, physics, ownsFolder: true, args);

    /// <summary>Starts in a folder that outlives the node.</summary>
    public static Task<RunningNode> StartInAsync(string folder, params string[] args) => StartInAsync(folder, null, ownsFolder: false, args);

    public T Service<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    public HttpClient NewClient(string? credential)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = Started.Address };
        if (credential is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        return client;
    }

    /// <summary>Opens an account and answers a client that is signed in as its owner.</summary>
    public async Task<HttpClient> NewMemberAsync(string handle)
    {
        const string password = "correct horse battery";
        using var registered = await Anonymous.PostAsJsonAsync("/api/v1/users", new { handle, email = $"{handle}@example.org", password });
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        using var signedIn = await Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = handle, password });
        return NewClient((await ReadAsync<SessionResponse>(signedIn)).Token);
    }

    /// <summary>The contract in an answer of success.</summary>
    public static async Task<T> ReadAsync<T>(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        response.IsSuccessStatusCode.ShouldBeTrue(text);
        return (T)JsonSerializer.Deserialize(text, StoaJson.Default.GetTypeInfo(typeof(T))!)!;
    }

    /// <summary>The problem in an answer of refusal, of which everything is checked that holds for all.</summary>
    public static async Task<Problem> ReadProblemAsync(HttpResponseMessage response)
    {
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
        var problem = JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), StoaJson.Default.Problem)!;
        problem.Status.ShouldBe((int)response.StatusCode);
        problem.Type.ShouldBe("/problems/" + problem.Code);
        problem.Detail.ShouldNotBeNullOrWhiteSpace();
        problem.TraceId.ShouldBe(response.Headers.GetValues("Trace-Id").Single());
        return problem;
    }

    public async ValueTask DisposeAsync()
    {
        Anonymous.Dispose();
        Admin.Dispose();
        await _host.DisposeAsync();
        if (_ownsFolder)
            Directory.Delete(Started.DataFolder, recursive: true);
        _log.Close();
    }

    private static async Task<RunningNode> StartInAsync(string folder, NodePhysics? physics, bool ownsFolder, string[] args)
    {
        var log = new NodeLog();
        string[] all = ["--data", folder, "--url", "http://127.0.0.1:0", "--identity:passwordIterations", "100", .. log.Options, .. args];
        var host = await NodeHost.BuildAsync(all, physics, TestContext.Current.CancellationToken);
        return new RunningNode(host, await host.StartAsync(TestContext.Current.CancellationToken), log, ownsFolder);
    }
}

/// <summary>One node for all tests of a class that do not disturb each other.</summary>
public class SharedNode : IAsyncLifetime
{
    private RunningNode? _node;

    public RunningNode Node => _node!;

    /// <summary>Options of the node beside the usual ones.</summary>
    protected virtual string[] Options => [];

    public async ValueTask InitializeAsync() => _node = await RunningNode.StartAsync(Options);

    public async ValueTask DisposeAsync()
    {
        await _node!.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
