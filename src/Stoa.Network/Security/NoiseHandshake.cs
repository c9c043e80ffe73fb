using System.Buffers.Binary;
using System.Security.Cryptography;
using Stoa.Network.Identity;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>One handshake of the pattern XX, in which each side sends its keys and libp2p's payload: <c>e</c>, then <c>e, ee, s, es</c>, then <c>s, se</c>.</summary>
internal sealed class NoiseHandshake : IDisposable
{
    // The longest key would fit several times, with its signature.
    private const int MaxMessageLength = 8 * 1024;
    private const int KeyLength = ICurve25519.KeyLength;

    private readonly ICurve25519 _curve;
    private readonly Func<byte[], byte[]> _payloadOf;
    private readonly Stream _raw;
    private readonly NoiseSymmetricState _state = new();
    private readonly byte[] _static = RandomNumberGenerator.GetBytes(KeyLength);
    private readonly byte[] _ephemeral = RandomNumberGenerator.GetBytes(KeyLength);

    /// <summary>Prepares one.</summary>
    /// <param name="curve">X25519.</param>
    /// <param name="payloadOf">What this side says of itself, for its static key: see <see cref="NoisePayload"/>.</param>
    /// <param name="raw">What it runs over.</param>
    public NoiseHandshake(ICurve25519 curve, Func<byte[], byte[]> payloadOf, Stream raw) => (_curve, _payloadOf, _raw) = (curve, payloadOf, raw);

    /// <summary>Runs it as the side that opened the connection.</summary>
    public async Task<SecuredStream> InitiateAsync(PeerId? expected, CancellationToken cancellationToken)
    {
        await SendAsync([.. WriteEphemeral(), .. _state.EncryptAndHash([])], cancellationToken);

        var message = await ReceiveAsync(cancellationToken);
        var remoteEphemeral = ReadEphemeral(message);
        MixAgreed(_ephemeral, remoteEphemeral);
        var remoteStatic = ReadStatic(message.AsSpan(KeyLength), out var rest);
        MixAgreed(_ephemeral, remoteStatic);
        var remoteKey = NoisePayload.Verify(Open(rest), remoteStatic);
        // Before this side says who it is.
        SecuredStream.ThrowIfOther(remoteKey, expected);

        var keys = _state.EncryptAndHash(Public(_static));
        MixAgreed(_static, remoteEphemeral);
        await SendAsync([.. keys, .. _state.EncryptAndHash(_payloadOf(Public(_static)))], cancellationToken);
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
        await SendAsync([.. ephemeral, .. keys, .. _state.EncryptAndHash(_payloadOf(Public(_static)))], cancellationToken);

        var last = await ReceiveAsync(cancellationToken);
        var remoteStatic = ReadStatic(last, out var rest);
        MixAgreed(_ephemeral, remoteStatic);
        var remoteKey = NoisePayload.Verify(Open(rest), remoteStatic);
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
        await _raw.FillAsync(header, cancellationToken);
        var length = BinaryPrimitives.ReadUInt16BigEndian(header);
        if (length > MaxMessageLength)
            throw Broken($"sent a message of {length} bytes; one of the handshake has at most {MaxMessageLength}");
        var message = new byte[length];
        await _raw.FillAsync(message, cancellationToken);
        return message;
    }

    private static ConnectException Broken(string what) => new(ConnectFault.BrokenProtocol, $"The other side {what}.");
}
