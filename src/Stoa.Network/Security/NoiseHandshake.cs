using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using Stoa.Network.Identity;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>One handshake of the pattern XX, in which each side sends its keys and libp2p's payload: <c>e</c>, then <c>e, ee, s, es</c>, then <c>s, se</c>.</summary>
internal sealed class NoiseHandshake : IDisposable
{
    // Two RSA keys would fit with their signatures; what else is in a payload is not read here.
    private const int MaxMessageLength = 8 * 1024;
    private const int KeyLength = ICurve25519.KeyLength;

    private readonly ICurve25519 _curve;
    private readonly PrivateKey _identity;
    private readonly Stream _raw;
    private readonly NoiseSymmetricState _state = new();
    private readonly byte[] _static = RandomNumberGenerator.GetBytes(KeyLength);
    private readonly byte[] _ephemeral = RandomNumberGenerator.GetBytes(KeyLength);

    public NoiseHandshake(ICurve25519 curve, PrivateKey identity, Stream raw) => (_curve, _identity, _raw) = (curve, identity, raw);

    private static ReadOnlySpan<byte> SignaturePrefix => "noise-libp2p-static-key:"u8;

    /// <summary>Runs it as the side that opened the connection.</summary>
    public async Task<SecuredStream> InitiateAsync(PeerId? expected, CancellationToken cancellationToken)
    {
        await SendAsync([.. WriteEphemeral(), .. _state.EncryptAndHash([])], cancellationToken);

        var message = await ReceiveAsync(cancellationToken);
        var remoteEphemeral = ReadEphemeral(message);
        MixAgreed(_ephemeral, remoteEphemeral);
        var remoteStatic = ReadStatic(message.AsSpan(KeyLength), out var rest);
        MixAgreed(_ephemeral, remoteStatic);
        var remoteKey = ReadPayload(rest, remoteStatic);
        // Before this side says who it is.
        SecuredStream.ThrowIfOther(remoteKey, expected);

        var keys = _state.EncryptAndHash(Public(_static));
        MixAgreed(_static, remoteEphemeral);
        await SendAsync([.. keys, .. _state.EncryptAndHash(WritePayload())], cancellationToken);
        var (own, others) = _state.Split();
        return new SecuredStream(new NoiseStream(_raw, others, own), remoteKey);
    }

    /// <summary>Runs it as the side that was dialled.</summary>
    public async Task<SecuredStream> RespondAsync(PeerId? expected, CancellationToken cancellationToken)
    {
        var first = await ReceiveAsync(cancellationToken);
        var remoteEphemeral = ReadEphemeral(first);
        if (first.Length != KeyLength)
            throw Broken("says more in its first message than its key: nothing protects that");
        _state.DecryptAndHash([]);

        var ephemeral = WriteEphemeral();
        MixAgreed(_ephemeral, remoteEphemeral);
        var keys = _state.EncryptAndHash(Public(_static));
        MixAgreed(_static, remoteEphemeral);
        await SendAsync([.. ephemeral, .. keys, .. _state.EncryptAndHash(WritePayload())], cancellationToken);

        var last = await ReceiveAsync(cancellationToken);
        var remoteStatic = ReadStatic(last, out var rest);
        MixAgreed(_ephemeral, remoteStatic);
        var remoteKey = ReadPayload(rest, remoteStatic);
        SecuredStream.ThrowIfOther(remoteKey, expected);
        var (others, own) = _state.Split();
        return new SecuredStream(new NoiseStream(_raw, others, own), remoteKey);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _state.Dispose();
        CryptographicOperations.ZeroMemory(_static);
        CryptographicOperations.ZeroMemory(_ephemeral);
    }

    private byte[] WriteEphemeral()
    {
        var key = Public(_ephemeral);
        _state.MixHash(key);
        return key;
    }

    private byte[] ReadEphemeral(byte[] message)
    {
        if (message.Length < KeyLength)
            throw Broken("sent a message without its key");
        var key = message[..KeyLength];
        _state.MixHash(key);
        return key;
    }

    private byte[] ReadStatic(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> rest)
    {
        const int length = KeyLength + NoiseCipher.TagLength;
        if (message.Length < length)
            throw Broken("sent a message without its key");
        rest = message[length..];
        return Open(message[..length]);
    }

    private byte[] WritePayload() => new NoiseHandshakePayload
    {
        IdentityKey = ByteString.CopyFrom(_identity.PublicKey.ToProtobuf()),
        IdentitySig = ByteString.CopyFrom(_identity.Sign([.. SignaturePrefix, .. Public(_static)])),
    }.ToByteArray();

    private PeerKey ReadPayload(ReadOnlySpan<byte> message, byte[] remoteStatic)
    {
        NoiseHandshakePayload payload;
        try
        {
            payload = NoiseHandshakePayload.Parser.ParseFrom(Open(message));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConnectException(ConnectFault.BrokenProtocol, "The other side says nothing of itself that can be read.", e);
        }

        var key = SecuredStream.ReadKey(payload.IdentityKey.Span);
        return key.Verify((byte[])[.. SignaturePrefix, .. remoteStatic], payload.IdentitySig.Span)
            ? key
            : throw Broken($"claims to be {key.PeerId}, and the signature that says so does not hold");
    }

    private byte[] Open(ReadOnlySpan<byte> message)
    {
        try
        {
            return _state.DecryptAndHash(message);
        }
        catch (CryptographicException e)
        {
            throw new ConnectException(ConnectFault.BrokenProtocol, "The other side sent a message that cannot be opened.", e);
        }
    }

    private byte[] Public(byte[] secret)
    {
        var key = new byte[KeyLength];
        _curve.DerivePublicKey(secret, key);
        return key;
    }

    private void MixAgreed(byte[] secret, byte[] publicKey)
    {
        Span<byte> agreed = stackalloc byte[KeyLength];
        if (!_curve.TryAgree(secret, publicKey, agreed))
            throw Broken("sent a key that agrees on nothing secret");
        _state.MixKey(agreed);
        CryptographicOperations.ZeroMemory(agreed);
    }

    private async Task SendAsync(byte[] message, CancellationToken cancellationToken)
    {
        var framed = new byte[sizeof(ushort) + message.Length];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)message.Length);
        message.CopyTo(framed, sizeof(ushort));
        await _raw.WriteAsync(framed, cancellationToken);
        await _raw.FlushAsync(cancellationToken);
    }

    private async Task<byte[]> ReceiveAsync(CancellationToken cancellationToken)
    {
        var header = new byte[sizeof(ushort)];
        await _raw.ReadExactlyAsync(header, cancellationToken);
        var length = BinaryPrimitives.ReadUInt16BigEndian(header);
        if (length > MaxMessageLength)
            throw Broken($"sent a message of {length} bytes; one of the handshake has at most {MaxMessageLength}");
        var message = new byte[length];
        await _raw.ReadExactlyAsync(message, cancellationToken);
        return message;
    }

    private static ConnectException Broken(string what) => new(ConnectFault.BrokenProtocol, $"The other side {what}.");
}
