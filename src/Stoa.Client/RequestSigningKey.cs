using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

/// <summary>A key by which requests are signed in place of an API key: the secret never leaves this program.</summary>
/// <param name="Id">As the node has registered it (<c>skey_…</c>).</param>
/// <param name="PrivateKey">P-256.</param>
public sealed record RequestSigningKey(string Id, PrivateKey PrivateKey)
{
    /// <summary>The type of the proof that is sent with a public key when it is registered.</summary>
    public const string ProofType = "application/vnd.stoa.signing-key.v1+json";

    private const string IdLine = "keyid: ";

    /// <summary>What registers a new key for a user.</summary>
    /// <param name="name">What its owner calls it.</param>
    /// <param name="key">The new key.</param>
    /// <param name="userId">Who registers it.</param>
    public static RegisterSigningKeyRequest Registration(string name, PrivateKey key, string userId)
    {
        ArgumentNullException.ThrowIfNull(key);
        // An id has no sign that JSON would escape.
        var payload = System.Text.Encoding.UTF8.GetBytes($"{{\"user\":\"{userId}\"}}");
        return new RegisterSigningKeyRequest(name, Convert.ToBase64String(key.PublicKey.ToSpki()), DsseEnvelope.Sign(ProofType, payload, key));
    }

    /// <summary>Reads what <see cref="ToFileText"/> has written.</summary>
    /// <exception cref="FormatException">It is anything else.</exception>
    public static RequestSigningKey Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var line = text.Split('\n', 2)[0].Trim();
        return line.StartsWith(IdLine, StringComparison.Ordinal)
            ? new RequestSigningKey(line[IdLine.Length..], PrivateKey.FromPem(text))
            : throw new FormatException($"The first line of a signing key is \"{IdLine}skey_…\", and a PEM block PRIVATE KEY follows.");
    }

    /// <summary>The key as a file: a line with its id, and a PEM block. Whoever has it can sign.</summary>
    public string ToFileText() => $"{IdLine}{Id}\n{PrivateKey.ToPem()}\n";

    /// <summary>Says which key it is, and nothing of the secret.</summary>
    public override string ToString() => $"{nameof(RequestSigningKey)} {Id}";
}
