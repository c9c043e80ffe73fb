using System.Text;

namespace Stoa.Primitives.HttpSignatures;

/// <summary>What a signature of an HTTP message covers, and what it says of itself (RFC 9421, section 2.3).</summary>
/// <param name="Components">Names in lower case: of header fields, and with an at sign what is derived from the message.</param>
/// <param name="Parameters">In their order.</param>
public sealed record SignatureInput(IReadOnlyList<string> Components, IReadOnlyList<KeyValuePair<string, object>> Parameters)
{
    /// <summary>Name of ECDSA on P-256 with SHA-256, the one algorithm that is spoken here. Its signatures are r and s, 32 bytes each.</summary>
    public const string Algorithm = "ecdsa-p256-sha256";

    /// <summary>When it was made, in Unix seconds; null when it does not say so.</summary>
    public long? Created => Get("created") as long?;

    /// <summary>When it ends, in Unix seconds; null when it does not.</summary>
    public long? Expires => Get("expires") as long?;

    /// <summary>What makes it different from every other one; null when it has nothing.</summary>
    public string? Nonce => Get("nonce") as string;

    /// <summary>Which key it was made with; null when it does not say so.</summary>
    public string? KeyId => Get("keyid") as string;

    /// <summary>What to sign by a key of this algorithm.</summary>
    /// <param name="components">What is covered.</param>
    /// <param name="created">When.</param>
    /// <param name="nonce">Unlike every other one.</param>
    /// <param name="keyId">Which key.</param>
    public static SignatureInput Of(IReadOnlyList<string> components, DateTimeOffset created, string nonce, string keyId) => new(
        components,
        [
            new("created", created.ToUnixTimeSeconds()),
            new("nonce", nonce),
            new("keyid", keyId),
            new("alg", Algorithm),
        ]);

    /// <summary>Reads what one label of a <c>Signature-Input</c> field says.</summary>
    /// <exception cref="FormatException">It is no list of components, a component has parameters, which are not known here, or comes twice.</exception>
    public static SignatureInput Read(FieldItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (item.Value is not List<FieldItem> items)
            throw new FormatException("Signature-Input holds a list of components for each label.");
        var components = new List<string>();
        foreach (var component in items)
        {
            if (component.Value is not string name || name.Length == 0 || name.Any(char.IsAsciiLetterUpper))
                throw new FormatException("A component is named by a string in lower case.");
            if (component.Parameters.Count > 0)
                throw new FormatException($"The component {name} has parameters: none are known here.");
            if (components.Contains(name))
                throw new FormatException($"The component {name} comes twice.");
            components.Add(name);
        }

        return new SignatureInput(components, item.Parameters);
    }

    /// <summary>The value of a parameter; null when there is none.</summary>
    public object? Get(string parameter) => Parameters.FirstOrDefault(one => one.Key == parameter).Value;

    /// <summary>As it is in the header field, and in the last line of what is signed.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("(").AppendJoin(' ', Components.Select(StructuredFields.Quote)).Append(')');
        foreach (var (name, value) in Parameters)
        {
            text.Append(';').Append(name);
            if (value is not true)
                text.Append('=').Append(StructuredFields.Write(value));
        }

        return text.ToString();
    }

    /// <summary>The bytes that are signed: a line for each component, and one for this (RFC 9421, section 2.5).</summary>
    /// <param name="valueOf">The value of a component; null when the message has none.</param>
    /// <exception cref="FormatException">The message lacks a component, or one has a value that cannot be on one line.</exception>
    public byte[] ToBase(Func<string, string?> valueOf)
    {
        ArgumentNullException.ThrowIfNull(valueOf);
        var text = new StringBuilder();
        foreach (var name in Components)
        {
            var value = valueOf(name) ?? throw new FormatException($"The signature covers {name}, which the message does not have.");
            if (value.AsSpan().ContainsAny('\r', '\n') || !Ascii.IsValid(value))
                throw new FormatException($"The value of {name} is not one line of ASCII.");
            text.Append(StructuredFields.Quote(name)).Append(": ").Append(value).Append('\n');
        }

        return Encoding.ASCII.GetBytes(text.Append("\"@signature-params\": ").Append(this).ToString());
    }
}
