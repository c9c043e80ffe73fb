using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Hosting;

public sealed class HostEndTests : ITransport
{
    private readonly List<string> _ended = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Host_OneOfWhoseListenersFailsToEnd_EndsTheOthersAndTellsOfIt()
    {
        using var key = PrivateKey.Generate();
        var host = new Host(key, [this], new HostOptions(), TimeProvider.System, new Random(1));
        foreach (var number in new ulong[] { 1, 2, 3 })
            await host.ListenAsync(Multiaddr.OfMemory(number), Stop);

        var fault = await Should.ThrowAsync<AggregateException>(async () => await host.DisposeAsync());

        fault.InnerExceptions.ShouldHaveSingleItem().Message.ShouldBe("/memory/2 does not end.");
        _ended.ShouldBe(["/memory/1", "/memory/3"]);
    }

    bool ITransport.CanDial(Multiaddr address) => true;

    Task<IPeerConnection> ITransport.DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken) => throw new ConnectException(ConnectFault.Unreachable, "Nobody is there.");

    Task<IListener> ITransport.ListenAsync(Multiaddr address, CancellationToken cancellationToken) => Task.FromResult<IListener>(new Listener(address, _ended));

    private sealed class Listener(Multiaddr address, List<string> ended) : IListener
    {
        public Multiaddr Address => address;

        public async Task<IPeerConnection?> AcceptAsync(CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return null;
        }

        public ValueTask DisposeAsync()
        {
            if (address.ToString() == "/memory/2")
                throw new InvalidOperationException($"{address} does not end.");
            ended.Add(address.ToString());
            return ValueTask.CompletedTask;
        }
    }
}
