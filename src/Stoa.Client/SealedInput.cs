using Stoa.Client.Contracts;
using Stoa.Primitives.Sealing;

namespace Stoa.Client;

/// <summary>What opens a sealed input, and the outputs of all tasks that have it. Whoever has lost it can read neither; the node does not keep it.</summary>
/// <param name="Account">The seal is bound to it.</param>
/// <param name="Secret">32 bytes.</param>
public sealed record SealSecret(string Account, byte[] Secret)
{
    /// <summary>Reads what <see cref="ToText"/> has written.</summary>
    /// <exception cref="FormatException">It is anything else.</exception>
    public static SealSecret Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var secret = new byte[SealedExchange.SecretBytes + 1];
        return text.Trim().Split(' ') is [{ Length: > 0 } account, var base64] && Convert.TryFromBase64String(base64, secret, out var length) && length == SealedExchange.SecretBytes
            ? new SealSecret(account, secret[..length])
            : throw new FormatException("The secret of a seal is expected: the id of an account, a blank, and 32 bytes in base64.");
    }

    /// <summary>As one line of text, to be kept where nobody else reads it.</summary>
    public string ToText() => $"{Account} {Convert.ToBase64String(Secret)}";

    /// <summary>Takes up the exchange.</summary>
    public SealedExchange Open() => SealedExchange.FromSecret(Secret, Account);

    /// <summary>Names the account, and not the secret: it must not get into a log by itself.</summary>
    public override string ToString() => $"SealSecret of {Account}";

    /// <inheritdoc/>
    public bool Equals(SealSecret? other) => other is not null && Account == other.Account && Secret.AsSpan().SequenceEqual(other.Secret);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Account, BitConverter.ToInt32(Secret));
}

/// <summary>An input that was sealed, and uploaded if it is long.</summary>
/// <param name="Body">To be submitted, as often as is wanted.</param>
/// <param name="Digest">Of the sealed bytes: tasks name it as <c>inputDigest</c>.</param>
/// <param name="KeyId">Of the node's key.</param>
/// <param name="Secret">Keep it before the input is submitted: nothing else opens the output.</param>
public sealed record SealedInput(TaskInputBody Body, string Digest, string KeyId, SealSecret Secret);
