using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Transport;

namespace Stoa.Simulation;

/// <summary>How much a world bears.</summary>
public sealed class ThroughputTests
{
    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    [Trait("speed", "slow")]
    public void TenThousandNodes_SendHundredsOfThousandsOfMessages()
    {
        const int nodes = 10_000;
        const int connections = 2;
        const int rounds = 10;
        var world = new World(1);
        var network = new SimulatedNetwork(world, new NetworkConditions());
        var isWhole = true;
        var before = Environment.CpuUsage.TotalTime;
        world.Run(async () =>
        {
            for (var index = 0; index < nodes; index++)
                _ = ServeAsync(await network.AddNode().ListenAsync(Multiaddr.OfMemory(0), s_never));
            await Task.WhenAll(network.Nodes.SelectMany(node => Enumerable.Range(0, connections).Select(_ => AskAsync(node))));
        });
        // Of the processor, which others may be busy with too.
        var seconds = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        isWhole.ShouldBeTrue();

        network.Messages.ShouldBe(nodes * connections * rounds * 2);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{network.Messages} messages, {world.Happenings} happenings in {seconds:0.00} s of processor time: {network.Messages / seconds:0} messages/s, {world.Happenings / seconds:0} happenings/s; {GC.GetTotalMemory(false) >> 20} MiB.");

        async Task AskAsync(SimulatedNode node)
        {
            var other = network.Nodes[world.Random.Next(nodes)];
            var connection = await node.DialAsync(other.Address, other.Peer, s_never);
            await using var stream = await connection.OpenStreamAsync(s_never);
            var message = new byte[100];
            for (var round = 0; round < rounds; round++)
            {
                await stream.WriteAsync(message, s_never);
                isWhole &= await stream.ReadAsync(message, s_never) == message.Length;
            }

            await stream.CompleteWritesAsync(s_never);
            isWhole &= await stream.ReadAsync(message, s_never) == 0;
        }
    }

    private static async Task ServeAsync(IListener listener)
    {
        while (await listener.AcceptAsync(s_never) is { } connection)
            _ = EchoesAsync(connection);

        static async Task EchoesAsync(IPeerConnection connection)
        {
            while (await connection.AcceptStreamAsync(s_never) is { } stream)
                _ = EchoAsync(stream);
        }
    }

    private static async Task EchoAsync(MuxedStream stream)
    {
        var buffer = new byte[1000];
        int read;
        while ((read = await stream.ReadAsync(buffer, s_never)) > 0)
            await stream.WriteAsync(buffer.AsMemory(0, read), s_never);
        await stream.CompleteWritesAsync(s_never);
    }
}
