using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>Bytes, what they are, and who signed both: a statement as it travels and is stored.</summary>
/// <remarks>
/// JSON is the DSSE envelope: <c>payload</c> (base64), <c>payloadType</c>, <c>signatures</c> of <c>keyid</c> and
/// <c>sig</c> (base64). It is written compactly, in that order, in standard base64, with no
/// character escaped that need not be; <see cref="ContentHash"/> is of
/// those bytes. Reading takes either base64 and any order, ignores foreign members and refuses repeated ones.
/// </remarks>
/// <param name="PayloadType">What the payload is: a media type or a URI, at most <see cref="MaxPayloadTypeLength"/> characters.</param>
/// <param name="Payload">The exact bytes that are signed.</param>
/// <param name="Signatures">Between one and <see cref="MaxSignatures"/>.</param>
[JsonConverter(typeof(DsseEnvelopeJsonConverter))]
public sealed record DsseEnvelope(string PayloadType, byte[] Payload, IReadOnlyList<DsseSignature> Signatures)
{
    /// <summary>The longest payload type that is read, in characters.</summary>
    public const int MaxPayloadTypeLength = 255;

    /// <summary>The longest key id that is read, in characters.</summary>
    public const int MaxKeyIdLength = 255;

    /// <summary>The longest signature that is read, in bytes: an RSA signature of 8192 bits by somebody else's key fits.</summary>
    public const int MaxSignatureLength = 1024;

    /// <summary>The most signatures that are read.</summary>
    public const int MaxSignatures = 16;

    /// <summary>The hash of the envelope with its signatures, in the form that <see cref="ToJson"/> gives.</summary>
    /// <remarks>Two envelopes of the same statement may differ in it: see <see cref="PublicKey.Verify"/>.</remarks>
    [JsonIgnore]
    public ContentHash ContentHash => ContentHash.Of(ToJson());

    /// <summary>Signs a payload; the key id is the signer's peer id.</summary>
    public static DsseEnvelope Sign(string payloadType, ReadOnlySpan<byte> payload, PrivateKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadType?.Length ?? 0, MaxPayloadTypeLength, nameof(payloadType));
        ArgumentException.ThrowIfNullOrEmpty(payloadType);
        var signature = key.Sign(Dsse.PreAuthenticationEncoding(payloadType, payload));
        return new DsseEnvelope(payloadType, payload.ToArray(), [new DsseSignature(key.PublicKey.PeerId.ToString(), signature)]);
    }

    /// <summary>Whether one of the signatures was made by a key over this type and payload.</summary>
    /// <remarks>Says nothing about whether the key may say such a thing, nor whether the payload is well formed.</remarks>
    public bool Verify(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var signed = Dsse.PreAuthenticationEncoding(PayloadType, Payload);
        return Signatures.Any(signature => key.Verify(signed, signature.Sig));
    }

    /// <summary>The envelope as compact UTF-8 JSON.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, DsseJson.Default.DsseEnvelope);

    /// <summary>Reads an envelope from UTF-8 JSON. How long that may be is the caller's to limit.</summary>
    /// <exception cref="FormatException">It is anything else.</exception>
    public static DsseEnvelope FromJson(ReadOnlySpan<byte> utf8Json)
    {
        try
        {
            return JsonSerializer.Deserialize(utf8Json, DsseJson.Default.DsseEnvelope)
                ?? throw new FormatException("A DSSE envelope is expected, not null.");
        }
        catch (JsonException refusal)
        {
            throw new FormatException(refusal.Message, refusal);
        }
    }

    /// <summary>Whether both have the same type, payload and signatures in the same order.</summary>
    public bool Equals(DsseEnvelope? other) => other is not null
        && PayloadType == other.PayloadType
        && Payload.AsSpan().SequenceEqual(other.Payload)
        && Signatures.SequenceEqual(other.Signatures);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(PayloadType, StringComparer.Ordinal);
        hash.AddBytes(Payload);
        return hash.ToHashCode();
    }
}
