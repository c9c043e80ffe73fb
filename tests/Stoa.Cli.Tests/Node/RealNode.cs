using Stoa.Client;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Observability;

[assembly: AssemblyFixture(typeof(Stoa.Cli.Tests.Node.RealNode))]

namespace Stoa.Cli.Tests.Node;

/// <summary>A node on production wiring in this process, with the sample agents of the checkout; one for all tests.</summary>
public sealed class RealNode : IAsyncLifetime
{
    /// <summary>What the node is told that browsers know it as.</summary>
    public const string PublicUrl = "http://stoa.test";

    /// <summary>The collection of the tests of this node: one at a time, since they count what is there.</summary>
    public const string Turns = "tests of the one node";

    private static readonly string[] s_options =
        ["--singleSignOn:publicUrl", PublicUrl, "--singleSignOn:allowHttp", "true", "--singleSignOn:allowPrivateAddresses", "true", "--http:signInsPerMinute", "1000"];

    private readonly NodeLog _log = new();
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("stoa-node-");
    private NodeHost _host = null!;

    public Uri Address { get; private set; } = null!;

    public string Key { get; private set; } = null!;

    /// <summary>The root of the checkout.</summary>
    public static string Checkout { get; } = FindCheckout();

    public static string Sample(string name) => Path.Combine(Checkout, "samples", name);

    public async ValueTask InitializeAsync()
    {
        _host = await NodeHost.BuildAsync(["--data", _data.FullName, "--url", "http://127.0.0.1:0", .. s_options, .. _log.Options]);
        var started = await _host.StartAsync();
        (Address, Key) = (started.Address, started.AdminKey!);
        using var cli = Cli();
        foreach (var sample in Directory.EnumerateFiles(Path.Combine(Checkout, "samples"), "agent.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            (await cli.RunAsync(["agent", "publish", Path.GetDirectoryName(sample)!])).ShouldBe(ExitCode.Ok, cli.Error);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _data.Delete(recursive: true);
        _log.Close();
    }

    /// <summary>A client as the first administrator.</summary>
    public StoaClient Client() => new(new StoaClientOptions { Address = Address, ApiKey = Key });

    /// <summary>A command line as the first administrator.</summary>
    internal TestCli Cli()
    {
        var cli = new TestCli();
        cli.Variables["STOA_ADDRESS"] = Address.ToString();
        cli.Variables["STOA_KEY"] = Key;
        return cli;
    }

    private static string FindCheckout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Stoa.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside a checkout.");
        return folder.FullName;
    }
}
