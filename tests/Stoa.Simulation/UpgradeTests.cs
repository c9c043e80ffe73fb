using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Whole upgrades over simulated sockets. Their keys are of the system's chance, so no two histories are the same; but nothing leaves the one thread.</summary>
public sealed class UpgradeTests
{
    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    public void NoiseAndYamux_OverSockets_StayInTheWorld()
    {
        using var key = PrivateKey.Generate();
        using var otherKey = PrivateKey.Generate();
        Assert.SkipUnless(NoiseSecurity.TryCreate(key, out var noise, out var missing), missing ?? "");
        NoiseSecurity.TryCreate(otherKey, out var otherNoise, out _);
        var world = new World(1);
        var network = new SimulatedNetwork(world, new NetworkConditions());
        world.Run(async () =>
        {
            var (one, other) = (network.AddNode(), network.AddNode());
            var listener = other.ListenSocket();
            var answering = AnswerAsync();
            await using var ours = await Create(noise!).UpgradeAsync(
                await one.DialSocketAsync(other.Address, s_never), true, otherKey.PublicKey.PeerId, one.Address, other.Address, s_never);
            await using var theirs = await answering;

            theirs.RemotePeer.ShouldBe(key.PublicKey.PeerId);
            await using var stream = await ours.OpenStreamAsync(s_never);
            var writing = stream.WriteAsync(new byte[1_000_000], s_never);
            await using var taken = (await theirs.AcceptStreamAsync(s_never))!;
            var (buffer, total) = (new byte[10_000], 0);
            while (total < 1_000_000)
                total += await taken.ReadAsync(buffer, s_never);
            await writing;

            async Task<IPeerConnection> AnswerAsync() => await Create(otherNoise!).UpgradeAsync(
                (await listener.AcceptAsync(s_never))!, false, null, other.Address, one.Address, s_never);
        });

        Upgrader Create(NoiseSecurity security) => new([security], [new Yamux(new YamuxOptions(), world.Time)], TimeSpan.FromSeconds(10), world.Time);
    }

    [Fact]
    public void Stranger_WhoIsSlow_IsGivenUpAtTheDeadline()
    {
        using var key = PrivateKey.Generate();
        Assert.SkipUnless(NoiseSecurity.TryCreate(key, out var noise, out var missing), missing ?? "");
        var world = new World(1);
        var network = new SimulatedNetwork(world, new NetworkConditions());
        world.Run(async () =>
        {
            var (one, other) = (network.AddNode(), network.AddNode());
            var listener = other.ListenSocket();
            var stranger = await one.DialSocketAsync(other.Address, s_never);
            var start = world.Time.GetUtcNow();
            var upgrading = new Upgrader([noise!], [new Yamux(new YamuxOptions(), world.Time)], TimeSpan.FromSeconds(10), world.Time)
                .UpgradeAsync((await listener.AcceptAsync(s_never))!, false, null, other.Address, one.Address, s_never);
            var talking = TalkSlowlyAsync(stranger);

            (await Thrown.ByAsync<ConnectException>(() => upgrading)).Fault.ShouldBe(ConnectFault.TimedOut);
            (world.Time.GetUtcNow() - start).TotalSeconds.ShouldBeInRange(9.9, 10.5);
            await talking;
        });

        // A byte in a second, of a line that would be good.
        async Task TalkSlowlyAsync(Stream stream)
        {
            try
            {
                foreach (var letter in "\u0013/multistream/1.0.0\n")
                {
                    await stream.WriteAsync(new byte[] { (byte)letter }, s_never);
                    await Task.Delay(TimeSpan.FromSeconds(1), world.Time);
                }
            }
            catch (IOException)
            {
                // Hung up on.
            }
        }
    }
}
