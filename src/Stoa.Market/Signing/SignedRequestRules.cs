using Stoa.Primitives.HttpSignatures;

namespace Stoa.Market.Signing;

/// <summary>What a signature of a request has to cover, and how old it may be.</summary>
public static class SignedRequestRules
{
    /// <summary>How far the time at which a request was signed may be from the node's, in either direction.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>Fewest characters of a nonce.</summary>
    public const int NonceLengthMin = 8;

    /// <summary>Most characters of a nonce.</summary>
    public const int NonceLengthMax = 128;

    /// <summary>Header fields that say for whom a request acts, and whether it is another one: where they are there, they are signed. In lower case.</summary>
    public static IReadOnlyList<string> BoundFields { get; } = ["stoa-organisation", "idempotency-key"];

    /// <summary>Why a signature is not enough, whoever made it; null when it is.</summary>
    /// <param name="input">What it says of itself.</param>
    /// <param name="hasBody">Whether the request has a body.</param>
    /// <param name="hasField">Whether the request has a header field of <see cref="BoundFields"/>.</param>
    /// <param name="now">The node's time.</param>
    /// <param name="alsoBound">Header fields that are to be covered as those of <see cref="BoundFields"/> are; null for no others.</param>
    public static string? Check(SignatureInput input, bool hasBody, Func<string, bool> hasField, DateTimeOffset now, IReadOnlyList<string>? alsoBound = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(hasField);
        bool Covers(string component) => input.Components.Contains(component);
        if (!Covers("@method") || (!Covers("@target-uri") && !(Covers("@path") && Covers("@query"))))
            return "The signature has to cover @method, and @target-uri or both @path and @query.";
        if (hasBody && !Covers(ContentDigest.FieldName))
            return "The signature of a request with a body has to cover content-digest.";
        if (BoundFields.Concat(alsoBound ?? []).FirstOrDefault(field => hasField(field) && !Covers(field)) is { } unsigned)
            return $"The signature of a request with the header {unsigned} has to cover it.";
        if (input.Nonce is not { Length: >= NonceLengthMin and <= NonceLengthMax })
            return $"The signature has to have a nonce of {NonceLengthMin} to {NonceLengthMax} characters, another one for each request.";
        if (input.Get("alg") is { } algorithm && algorithm as string != SignatureInput.Algorithm)
            return $"Signatures are of {SignatureInput.Algorithm} here.";
        if (input.Created is not { } created)
            return "The signature has to say when it was created.";
        var seconds = now.ToUnixTimeMilliseconds() / 1_000.0;
        if (Math.Abs(seconds - created) > Window.TotalSeconds)
            return $"The signature was created more than {Window.TotalMinutes:0} minutes before or after the time of the node, which is {now:u}: set your clock, and sign again.";
        return input.Expires < seconds ? "The signature has expired." : null;
    }
}
