using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Stoa.Market.Signing;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Node.Signing;

/// <summary>The one signature of a request (RFC 9421), of which all is known to be in order but whose it is.</summary>
/// <param name="Input">What it says of itself; it has a nonce and says when it was made.</param>
/// <param name="Digest">Of the body, where there is one.</param>
internal sealed record RequestSignature(SignatureInput Input, ContentDigest? Digest)
{
    private const string SignatureField = "Signature";
    private const string InputField = "Signature-Input";

    private readonly byte[] _signature = [];
    private readonly byte[] _signed = [];

    private RequestSignature(SignatureInput input, ContentDigest? digest, byte[] signature, byte[] signed)
        : this(input, digest) => (_signature, _signed) = (signature, signed);

    /// <summary>When it was made, UTC.</summary>
    public DateTimeOffset Created => DateTimeOffset.FromUnixTimeSeconds(Input.Created!.Value);

    /// <summary>Whether a request has one, be it good or not.</summary>
    public static bool IsThere(HttpRequest request) => request.Headers[SignatureField].Count > 0 || request.Headers[InputField].Count > 0;

    /// <summary>Reads it, and checks all but whose it is: what it covers, how old it is, that it can be taken once.</summary>
    /// <param name="request">That has one.</param>
    /// <param name="alsoBound">Header fields that it has to cover where they are there, beside those of <see cref="SignedRequestRules.BoundFields"/>. In lower case.</param>
    /// <param name="now">UTC.</param>
    /// <param name="signature">The signature.</param>
    /// <param name="fault">What is wrong with it, in words.</param>
    public static bool TryRead(
        HttpRequest request, IReadOnlyList<string> alsoBound, DateTimeOffset now, [NotNullWhen(true)] out RequestSignature? signature, [NotNullWhen(false)] out string? fault)
    {
        var headers = request.Headers;
        var hasBody = request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
        signature = null;
        try
        {
            var (input, bytes) = Read(Joined(headers[InputField]), Joined(headers[SignatureField]));
            fault = SignedRequestRules.Check(input, hasBody, headers.ContainsKey, now, alsoBound);
            if (fault is not null)
                return false;
            var digest = input.Components.Contains(ContentDigest.FieldName) ? ContentDigest.Read(Joined(headers[ContentDigest.FieldName])) : null;
            signature = new RequestSignature(input, digest, bytes, input.ToBase(name => ValueOf(request, name)));
            return true;
        }
        catch (FormatException unreadable)
        {
            fault = $"The signature of the request cannot be read. {unreadable.Message}";
            return false;
        }
    }

    /// <summary>Whether a key has made it.</summary>
    public bool IsBy(PublicKey key) => key.VerifyFixed(_signed, _signature);

    /// <summary>The one signature of a request, and what it says of itself.</summary>
    /// <exception cref="FormatException">There is none, or there are several.</exception>
    private static (SignatureInput Input, byte[] Signature) Read(string input, string signature)
    {
        var inputs = StructuredFields.ReadDictionary(input);
        var signatures = StructuredFields.ReadDictionary(signature);
        if (inputs is not [var (label, said)] || signatures is not [var (signedLabel, bytes)] || label != signedLabel)
            throw new FormatException("Send one signature, with the same label in Signature and Signature-Input.");
        return (SignatureInput.Read(said), bytes.Value as byte[] ?? throw new FormatException("Signature holds bytes in base64 between colons."));
    }

    private static string? ValueOf(HttpRequest request, string name) => name switch
    {
        "@method" => request.Method,
        "@authority" => request.Host.Value?.ToLowerInvariant(),
        "@scheme" => request.Scheme,
        "@target-uri" => $"{request.Scheme}://{request.Host.Value}{RawTarget(request)}",
        "@request-target" => RawTarget(request),
        "@path" => RawTarget(request).Split('?', 2)[0],
        // Of a request without one the query is a lone question mark (RFC 9421, section 2.2.7).
        "@query" => RawTarget(request).Split('?', 2) is [_, var query] ? "?" + query : "?",
        ['@', ..] => null,
        _ => request.Headers[name] is { Count: > 0 } values ? Joined(values) : null,
    };

    /// <summary>Path and query as they came over the wire; what the framework gives as the path is decoded.</summary>
    private static string RawTarget(HttpRequest request) => request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;

    private static string Joined(StringValues lines) => string.Join(", ", lines.Select(line => line?.Trim()));
}
