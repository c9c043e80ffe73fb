using Stoa.Client;

namespace Stoa.Cli.Tests;

/// <summary>A test with a <see cref="FakeNode"/> of its own.</summary>
public abstract class FakeNodeTest : IAsyncLifetime
{
    private protected FakeNode Node { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync() => Node = await FakeNode.StartAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A test of commands that talk to the fake node.</summary>
/// <param name="key">The API key that they have; null for none.</param>
public abstract class FakeNodeCommandsTest(string? key = null) : FakeNodeTest
{
    private protected TestCli Cli { get; } = new();

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Cli.Variables["STOA_ADDRESS"] = Node.Address.ToString();
        if (key is not null)
            Cli.Variables["STOA_KEY"] = key;
    }

    public override async ValueTask DisposeAsync()
    {
        Cli.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A test of a client of the fake node, which tries again at once.</summary>
/// <param name="options">What it has besides; the address is the node's.</param>
public abstract class FakeNodeClientTest(StoaClientOptions? options = null) : FakeNodeTest
{
    protected StoaClient Client { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Client = new StoaClient((options ?? new StoaClientOptions()) with { Address = Node.Address, RetryDelay = TimeSpan.FromMilliseconds(1) });
    }

    public override async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
