namespace Stoa.Market.Identity;

/// <summary>What came of looking at a password.</summary>
public enum PasswordCheck
{
    /// <summary>Another one was hashed.</summary>
    Wrong,

    /// <summary>It is the one.</summary>
    Right,

    /// <summary>It is the one, and was hashed with less work than new ones are: hash it anew.</summary>
    RightButWeaklyHashed,
}

/// <summary>Turns passwords into hashes that are slow to guess. A port, because the platform's own hasher is outside the market.</summary>
public interface IPasswordHasher
{
    /// <summary>A well-formed hash that no password has: checking against it takes as long as against a real one.</summary>
    string Decoy { get; }

    /// <summary>A salted hash; its text says how it was made.</summary>
    Task<string> HashAsync(string password, CancellationToken cancellationToken);

    /// <summary>Whether the password is the one that was hashed.</summary>
    Task<PasswordCheck> VerifyAsync(string hash, string password, CancellationToken cancellationToken);
}
