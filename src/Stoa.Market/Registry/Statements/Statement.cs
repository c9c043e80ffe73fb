using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>What a key says, signed: the registry is a set of these. Whoever has one of these objects has a statement that was checked.</summary>
/// <remarks>
/// It travels as a <see cref="DsseEnvelope"/> whose payload is canonical JSON, see <see cref="StatementJson"/>. The id is the SHA-256 of the payload alone: of one payload anybody can
/// make another signature that is good as well (r, n − s) and the signer any number, and the signer's key is a part of the payload.
/// </remarks>
public sealed class Statement
{
    /// <summary>The type of the envelope's payload.</summary>
    public const string PayloadType = "application/vnd.stoa.statement+json";

    private Statement(byte[] payload, byte[] signature, StatementText text)
    {
        (Payload, Signature, Text) = (payload, signature, text);
        Id = ContentHash.Of(payload);
        SignerId = text.Signer.PeerId;
        Key = MergeKey.Of(SignerId, text.Content);
    }

    /// <summary>The hash of the payload.</summary>
    public ContentHash Id { get; }

    /// <summary>Who says it.</summary>
    public PublicKey Signer => Text.Signer;

    /// <summary>The peer id of the signer.</summary>
    public PeerId SignerId { get; }

    /// <summary>When it was made, as the signer says.</summary>
    public Hlc Hlc => Text.Hlc;

    /// <summary>What it says.</summary>
    public StatementContent Content => Text.Content;

    /// <summary>Under what it merges.</summary>
    public MergeKey Key { get; }

    /// <summary>What merging has to know of it.</summary>
    public MergeItem Item => new(Hlc, Id, Text.Said);

    /// <summary>The exact bytes that are signed. They are not to be changed.</summary>
    public byte[] Payload { get; }

    /// <summary>The signature in DER. They are not to be changed.</summary>
    public byte[] Signature { get; }

    /// <summary>The statement as it travels: with the signer's signature, and whatever else there was in the envelope that it came in left out.</summary>
    public DsseEnvelope Envelope => new(PayloadType, Payload, [new DsseSignature(SignerId.ToString(), Signature)]);

    private StatementText Text { get; }

    /// <summary>Opens an envelope and checks form, members and signature.</summary>
    /// <remarks>Whether it is of a time that may be taken now is <see cref="CheckTime"/>; whether it has room is the <see cref="AdmissionPolicy"/>.</remarks>
    public static Outcome<Statement, StatementFault> Open(DsseEnvelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        if (envelope.PayloadType != PayloadType)
            return new Refusal<StatementFault>(StatementFault.NotAStatement, $"The envelope holds {envelope.PayloadType}, not {PayloadType}.");
        if (!StatementJson.Read(envelope.Payload).TryGet(out var text, out var refusal))
            return refusal;
        var signed = Dsse.PreAuthenticationEncoding(PayloadType, envelope.Payload);
        var signature = envelope.Signatures.FirstOrDefault(candidate => text.Signer.Verify(signed, candidate.Sig));
        if (signature is null)
            return new Refusal<StatementFault>(StatementFault.SignatureInvalid, $"It was not signed by {text.Signer.PeerId}, or was changed since.");
        return text.Content is ReviewStatement { Verdict.Proof: { } proof } review && !proof.Holds(text.Signer.PeerId, review.Of)
            ? new Refusal<StatementFault>(StatementFault.ProofInvalid, $"The node {proof.Node.PeerId} has not said that {text.Signer.PeerId} has this receipt of {review.Of}.")
            : new Statement(envelope.Payload, signature.Sig, text);
    }

    /// <summary>Takes up again what was opened before and kept: the signature is not checked anew.</summary>
    /// <exception cref="FormatException">The payload is none of a statement.</exception>
    public static Statement FromKept(byte[] payload, byte[] signature) => StatementJson.Read(payload).TryGet(out var text, out var refusal)
        ? new Statement(payload, signature, text)
        : throw new FormatException($"What was kept is no statement: {refusal.Detail}");

    /// <summary>Makes a statement.</summary>
    /// <param name="key">Who says it.</param>
    /// <param name="hlc">Later than whatever it is to take the place of.</param>
    /// <param name="content">What is said.</param>
    /// <returns>The statement, or why what is said breaks the rules.</returns>
    public static Outcome<Statement, StatementFault> Sign(PrivateKey key, Hlc hlc, StatementContent content)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(content);
        return Finish(key, StatementJson.Write(key.PublicKey, hlc, content, work: null));
    }

    /// <summary>Makes a statement with work, which may take seconds.</summary>
    /// <param name="key">Who says it.</param>
    /// <param name="hlc">Later than whatever it is to take the place of.</param>
    /// <param name="content">What is said.</param>
    /// <param name="policy">What it costs.</param>
    /// <param name="cancellationToken">Gives up trying.</param>
    /// <returns>The statement, or why what is said breaks the rules.</returns>
    public static Outcome<Statement, StatementFault> SignWorked(PrivateKey key, Hlc hlc, StatementContent content, AdmissionPolicy policy, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(policy);
        var idle = StatementJson.Write(key.PublicKey, hlc, content, work: 0);
        return Finish(key, StatementWork.Search(idle, policy.WorkBitsOf(StatementWork.LengthOf(idle.Length)), cancellationToken));
    }

    /// <summary>Why it is not of a time that may be taken; null when it is.</summary>
    /// <param name="now">By the receiver's clock, UTC.</param>
    public Refusal<StatementFault>? CheckTime(DateTimeOffset now)
    {
        var ahead = Hlc.UnixTimeMs - now.ToUnixTimeMilliseconds();
        if (ahead > StatementLimits.MaxAhead.TotalMilliseconds)
        {
            return new(
                StatementFault.TooFarAhead,
                $"It is {ahead / 1000} seconds ahead of this node's clock; up to {StatementLimits.MaxAhead.TotalSeconds} are allowed. Set the clock that made it, or send it again later.");
        }

        return IsOver(now) ? new(StatementFault.Expired, "The offer is over, and so is any that it could have taken the place of.") : null;
    }

    /// <summary>Whether it is an offer that need not be kept: it and all earlier ones of its node are over, whatever they say, so none comes back once it is forgotten.</summary>
    /// <param name="now">UTC.</param>
    public bool IsOver(DateTimeOffset now) => Content.Kind is StatementKind.Offer && Hlc < ForgetOffersBefore(now);

    /// <summary>Offers with a lesser timestamp are over: see <see cref="IsOver"/>.</summary>
    public static Hlc ForgetOffersBefore(DateTimeOffset now) =>
        new(Math.Max(0, (now - StatementLimits.MaxOfferLife - StatementLimits.OfferGrace).ToUnixTimeMilliseconds()), 0);

    private static Outcome<Statement, StatementFault> Finish(PrivateKey key, byte[] payload) => StatementJson.Read(payload).TryGet(out var text, out var refusal)
        ? new Statement(payload, key.Sign(Dsse.PreAuthenticationEncoding(PayloadType, payload)), text)
        : refusal;
}
