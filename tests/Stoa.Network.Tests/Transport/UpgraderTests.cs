using System.Text;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Network.Tests.Muxing;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Transport;

/// <summary>Whole upgrades in memory, with what strangers may do to them.</summary>
public sealed class UpgraderTests : IDisposable
{
    private static readonly Multiaddr s_here = Multiaddr.OfMemory(1);
    private static readonly Multiaddr s_there = Multiaddr.OfMemory(2);

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly PrivateKey _otherKey = PrivateKey.Generate();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private PeerId Own => _key.PublicKey.PeerId;

    private PeerId Other => _otherKey.PublicKey.PeerId;

    public void Dispose()
    {
        _key.Dispose();
        _otherKey.Dispose();
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("noise")]
    public async Task Upgrade_OfBothSides_TellsEachWhoTheOtherIs(string security)
    {
        var (here, there) = await UpgradeAsync(security);

        here.Failure.ShouldBeNull();
        there.Failure.ShouldBeNull();
        await using var ours = here.Connection!;
        await using var theirs = there.Connection!;
        (ours.RemotePeer, theirs.RemotePeer).ShouldBe((Other, Own));
        (ours.IsInitiator, theirs.IsInitiator).ShouldBe((true, false));
        (ours.LocalAddress, ours.RemoteAddress).ShouldBe((s_here, s_there));
        PeerId.FromEncodedPublicKey(theirs.RemoteKey.Span).ShouldBe(Own);
        ours.Security.ShouldBe(security == "tls" ? TlsSecurity.Name : NoiseSecurity.Name);
        await using var stream = await ours.OpenStreamAsync(Stop);
        await stream.WriteAsync("over it"u8.ToArray(), Stop);
        await using var taken = (await theirs.AcceptStreamAsync(Stop)).ShouldNotBeNull();
        var read = new byte[7];
        await taken.ReadExactlyAsync(read, Stop);
        Encoding.UTF8.GetString(read).ShouldBe("over it");
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("noise")]
    public async Task Initiator_WhoExpectsAnother_SaysSoAndBothEnd(string security)
    {
        var (here, there) = await UpgradeAsync(security, expectedHere: Own);

        here.Failure!.Fault.ShouldBe(ConnectFault.OtherPeer);
        there.Failure!.Fault.ShouldBe(ConnectFault.BrokenProtocol);
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("noise")]
    public async Task Responder_WhoExpectsAnother_SaysSoAndBothEnd(string security)
    {
        var (here, there) = await UpgradeAsync(security, expectedThere: Other);

        there.Failure!.Fault.ShouldBe(ConnectFault.OtherPeer);
        here.Failure!.Fault.ShouldBe(ConnectFault.BrokenProtocol);
    }

    [Theory]
    [InlineData("tls", false, 120)]
    [InlineData("noise", false, 25)]
    [InlineData("tls", true, 120)]
    [InlineData("noise", true, 25)]
    public async Task Handshake_ThatIsCutAnywhere_IsBrokenForBoth(string security, bool isResponder, int step)
    {
        var length = await ShortestAsync(security, isResponder);
        for (var cut = 0L; cut < length; cut += step)
        {
            var at = cut;
            var (here, there) = await UpgradeAsync(
                security, wrapHere: raw => isResponder ? raw : new ChangedStream(raw) { CutAfter = at }, wrapThere: raw => isResponder ? new ChangedStream(raw) { CutAfter = at } : raw);

            // The one whose last bytes are lost may not know of it yet.
            (isResponder ? here : there).Failure?.Fault.ShouldBe(ConnectFault.BrokenProtocol, $"after {cut} of {length}");
            (here.Failure ?? there.Failure).ShouldNotBeNull();
            await DisposeAsync(here, there);
        }
    }

    [Theory]
    [InlineData("tls", false, 97)]
    [InlineData("noise", false, 11)]
    [InlineData("tls", true, 97)]
    [InlineData("noise", true, 11)]
    public async Task Handshake_WithABitFlippedAnywhere_Fails(string security, bool isResponder, int step)
    {
        var length = await ShortestAsync(security, isResponder);
        for (var flip = 0L; flip < length; flip += step)
        {
            var at = flip;
            // A length that grew has the reader wait for what never comes.
            var (here, there) = await UpgradeAsync(
                security,
                wrapHere: raw => isResponder ? raw : new ChangedStream(raw) { FlipAt = at },
                wrapThere: raw => isResponder ? new ChangedStream(raw) { FlipAt = at } : raw,
                timeout: TimeSpan.FromSeconds(1));

            (here.Failure ?? there.Failure).ShouldNotBeNull($"byte {flip} of {length}");
            await DisposeAsync(here, there);
        }
    }

    [Theory]
    [InlineData("tls", true)]
    [InlineData("noise", true)]
    [InlineData("tls", false)]
    [InlineData("noise", false)]
    public async Task Garbage_AfterTheSecurityIsAgreed_IsBroken(string security, bool isInitiator)
    {
        var random = new Random(5);
        for (var count = 0; count < 20; count++)
        {
            var (here, there) = DuplexPipe.Create(1 << 20);
            var name = security == "tls" ? TlsSecurity.Name : NoiseSecurity.Name;
            var upgrading = AttemptAsync(Create(security, _key).UpgradeAsync(here, isInitiator, null, s_here, s_there, Stop));
            await (isInitiator ? MultistreamSelect.AnswerAsync(there, one => one == name, Stop) : MultistreamSelect.ProposeAsync(there, [name], Stop));
            var garbage = new byte[random.Next(1, 70_000)];
            random.NextBytes(garbage);
            await there.WriteAsync(garbage, Stop);
            await there.DisposeAsync();

            (await upgrading).Failure!.Fault.ShouldBe(ConnectFault.BrokenProtocol);
        }
    }

    [Fact]
    public async Task Noise_MessageThatIsTooLong_IsRefusedBeforeItIsRead()
    {
        var (here, there) = DuplexPipe.Create();
        var upgrading = AttemptAsync(Create("noise", _key).UpgradeAsync(here, false, null, s_here, s_there, Stop));
        await MultistreamSelect.ProposeAsync(there, [NoiseSecurity.Name], Stop);
        await there.WriteAsync(new byte[] { 0xff, 0xff }, Stop);

        var failure = (await upgrading).Failure!;
        failure.Fault.ShouldBe(ConnectFault.BrokenProtocol);
        failure.Message.ShouldContain("65535");
    }

    [Fact]
    public async Task Peers_WithoutASecurityOrMuxerInCommon_HaveNothingInCommon()
    {
        var (here, there) = DuplexPipe.Create();
        var (ours, theirs) = (
            AttemptAsync(Create("tls", _key).UpgradeAsync(here, true, null, s_here, s_there, Stop)),
            AttemptAsync(Create("noise", _otherKey).UpgradeAsync(there, false, null, s_there, s_here, Stop)));
        (await ours).Failure!.Fault.ShouldBe(ConnectFault.NothingInCommon);
        (await theirs).Failure!.Fault.ShouldBe(ConnectFault.BrokenProtocol);

        (here, there) = DuplexPipe.Create();
        (ours, theirs) = (
            AttemptAsync(Create("tls", _key).UpgradeAsync(here, true, null, s_here, s_there, Stop)),
            AttemptAsync(new Upgrader([Securities.Create("tls", _otherKey)], [], TimeSpan.FromSeconds(10), TimeProvider.System).UpgradeAsync(there, false, null, s_there, s_here, Stop)));
        (await ours).Failure!.Fault.ShouldBe(ConnectFault.NothingInCommon);
        await theirs;
    }

    [Fact]
    public async Task Stranger_WhoSaysNothing_IsGivenUpAfterTheDeadline()
    {
        var time = new ManualTime();
        var (here, there) = DuplexPipe.Create();
        var upgrading = AttemptAsync(Create("tls", _key, TimeSpan.FromSeconds(10), time).UpgradeAsync(here, false, null, s_here, s_there, Stop));

        time.Advance(TimeSpan.FromSeconds(9));
        upgrading.IsCompleted.ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(1));

        (await upgrading).Failure!.Fault.ShouldBe(ConnectFault.TimedOut);
        // The stream is closed.
        (await there.ReadAsync(new byte[1], Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Upgrade_ThatIsGivenUp_IsCancelled()
    {
        using var patience = new CancellationTokenSource();
        var (here, _) = DuplexPipe.Create();
        var upgrading = Create("tls", _key).UpgradeAsync(here, true, null, s_here, s_there, patience.Token);
        await patience.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => upgrading);
    }

    private static Upgrader Create(string security, PrivateKey key, TimeSpan? timeout = null, TimeProvider? time = null) => new(
        [Securities.Create(security, key)], [new Yamux(new YamuxOptions(), TimeProvider.System)], timeout ?? TimeSpan.FromSeconds(20), time ?? TimeProvider.System);

    private static async Task<Outcome> AttemptAsync(Task<IPeerConnection> upgrading)
    {
        try
        {
            return new Outcome(await upgrading, null);
        }
        catch (ConnectException e)
        {
            return new Outcome(null, e);
        }
    }

    private static async Task DisposeAsync(Outcome here, Outcome there)
    {
        foreach (var connection in new[] { here.Connection, there.Connection })
        {
            if (connection is not null)
                await connection.DisposeAsync();
        }
    }

    /// <summary>What a handshake sends at least: signatures have no fixed length, each has up to some bytes more or less than another.</summary>
    private async Task<long> ShortestAsync(string security, bool isResponder) => await LengthAsync(security, isResponder) - 16;

    private async Task<long> LengthAsync(string security, bool isResponder)
    {
        ChangedStream? counted = null;
        Stream Count(Stream raw) => counted = new ChangedStream(raw);
        var (here, there) = await UpgradeAsync(security, wrapHere: isResponder ? null : Count, wrapThere: isResponder ? Count : null);
        var length = counted!.Written;
        await DisposeAsync(here, there);
        return length;
    }

    private async Task<(Outcome Here, Outcome There)> UpgradeAsync(
        string security,
        PeerId? expectedHere = null,
        PeerId? expectedThere = null,
        Func<Stream, Stream>? wrapHere = null,
        Func<Stream, Stream>? wrapThere = null,
        TimeSpan? timeout = null)
    {
        var (here, there) = DuplexPipe.Create();
        var ours = AttemptAsync(Create(security, _key, timeout).UpgradeAsync(wrapHere?.Invoke(here) ?? here, true, expectedHere, s_here, s_there, Stop));
        var theirs = AttemptAsync(Create(security, _otherKey, timeout).UpgradeAsync(wrapThere?.Invoke(there) ?? there, false, expectedThere, s_there, s_here, Stop));
        return (await ours, await theirs);
    }

    private sealed record Outcome(IPeerConnection? Connection, ConnectException? Failure);
}
