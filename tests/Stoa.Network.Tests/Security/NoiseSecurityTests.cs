using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using Stoa.Network.Identity;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Network.Tests.Muxing;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Security;

/// <summary>The Noise of this library against one that does as it pleases.</summary>
public sealed class NoiseSecurityTests : IDisposable
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly PrivateKey _stranger = PrivateKey.Generate();

    public NoiseSecurityTests() => Assert.SkipUnless(Curve25519.OfThisMachine is not null && ChaCha20Poly1305.IsSupported, "X25519 or ChaCha20-Poly1305 is not on this machine.");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        _stranger.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stranger_WithALongPayloadThatHolds_IsTaken(bool isInitiator)
    {
        // What other versions of the protocol say besides: extensions, and fields that are not known.
        var refusal = await MeetAsync(isInitiator, staticKey => [.. NoisePayload.Encode(_stranger, staticKey), 0x22, 3, 0x12, 1, 0x61, 0x7a, 1, 0]);
        refusal.ShouldBeNull();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stranger_WhoProvesNothing_IsRefused(bool isInitiator)
    {
        var recorded = NoisePayload.Encode(_stranger, new byte[32]);
        (await MeetAsync(isInitiator, _ => recorded))!.Message.ShouldContain("does not hold");
        (await MeetAsync(isInitiator, staticKey => Claim(_stranger.PublicKey.ToProtobuf(), _key.Sign([.. "noise-libp2p-static-key:"u8, .. staticKey]))))!.Message.ShouldContain("does not hold");
        (await MeetAsync(isInitiator, staticKey => Claim(_stranger.PublicKey.ToProtobuf(), _stranger.Sign(staticKey))))!.Message.ShouldContain("does not hold");
        (await MeetAsync(isInitiator, _ => Claim(_stranger.PublicKey.ToProtobuf(), [])))!.Message.ShouldContain("does not hold");
        (await MeetAsync(isInitiator, _ => Claim([8, 9, 0x12, 0], [])))!.Message.ShouldContain("no key");
        (await MeetAsync(isInitiator, _ => []))!.Message.ShouldContain("no key");
        (await MeetAsync(isInitiator, _ => [0xff]))!.Message.ShouldContain("nothing of itself");
    }

    [Fact]
    public async Task FirstMessage_WithMoreThanItsKeyOrLess_IsRefused()
    {
        foreach (var length in (int[])[0, 31, 33, 8000])
        {
            var (here, there) = DuplexPipe.Create();
            var message = new byte[2 + length];
            BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)length);
            message.AsSpan(2).Fill(9);
            await there.WriteAsync(message, Stop);
            (await Should.ThrowAsync<ConnectException>(() => Create().SecureAsync(here, false, null, Stop))).Fault.ShouldBe(ConnectFault.BrokenProtocol);
        }
    }

    [Fact]
    public async Task Key_OfSmallOrder_IsRefused()
    {
        var (here, there) = DuplexPipe.Create();
        await there.WriteAsync((byte[])[0, 32, .. new byte[32]], Stop);

        (await Should.ThrowAsync<ConnectException>(() => Create().SecureAsync(here, false, null, Stop))).Message.ShouldContain("agrees on nothing");
    }

    [Fact]
    public void Noise_WithoutWhatItNeeds_IsNotOfferedAndSaysWhy()
    {
        NoiseSecurity.TryCreate(_key, null, true, out _, out var missing).ShouldBeFalse();
        missing!.ShouldContain("libsodium");
        NoiseSecurity.TryCreate(_key, Curve25519.OfThisMachine, false, out _, out missing).ShouldBeFalse();
        missing!.ShouldContain("ChaCha20");
    }

    private static byte[] Claim(byte[] key, byte[] signature) => new NoiseHandshakePayload
    {
        IdentityKey = ByteString.CopyFrom(key),
        IdentitySig = ByteString.CopyFrom(signature),
    }.ToByteArray();

    private NoiseSecurity Create() => new(_key, Curve25519.OfThisMachine!);

    private async Task<ConnectException?> MeetAsync(bool isInitiator, Func<byte[], byte[]> payloadOf)
    {
        var (here, there) = DuplexPipe.Create();
        using var stranger = new NoiseHandshake(Curve25519.OfThisMachine!, payloadOf, there);
        var meeting = isInitiator ? stranger.RespondAsync(null, Stop) : stranger.InitiateAsync(null, Stop);
        try
        {
            (await Create().SecureAsync(here, isInitiator, null, Stop)).RemotePeer.ShouldBe(_stranger.PublicKey.PeerId);
            return null;
        }
        catch (ConnectException e)
        {
            e.Fault.ShouldBe(ConnectFault.BrokenProtocol);
            return e;
        }
        finally
        {
            await here.DisposeAsync();
            await meeting.ContinueWith(_ => { }, Stop, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }
}
