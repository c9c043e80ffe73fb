using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Stoa.Market.Identity;

namespace Stoa.Node.Identity;

/// <summary>ASP.NET's own password hasher: PBKDF2-HMAC-SHA512 with a salt of 128 bits.</summary>
/// <remarks>Hashing burns a core for a tenth of a second, so only as many run at once as leave a core to the other requests.</remarks>
public sealed class Passwords : IPasswordHasher, IDisposable
{
    private readonly PasswordHasher<Passwords> _hasher;
    private readonly SemaphoreSlim _turns = new(Math.Max(1, Environment.ProcessorCount - 1));

    public Passwords(IdentityOptions options)
    {
        _hasher = new PasswordHasher<Passwords>(Options.Create(new PasswordHasherOptions
        {
            CompatibilityMode = PasswordHasherCompatibilityMode.IdentityV3,
            IterationCount = options.PasswordIterations,
        }));
        Decoy = MakeDecoy(options.PasswordIterations);
    }

    /// <inheritdoc/>
    public string Decoy { get; }

    /// <inheritdoc/>
    public Task<string> HashAsync(string password, CancellationToken cancellationToken) =>
        InTurnAsync(() => _hasher.HashPassword(this, password), cancellationToken);

    /// <inheritdoc/>
    public Task<PasswordCheck> VerifyAsync(string hash, string password, CancellationToken cancellationToken) => InTurnAsync(
        () => _hasher.VerifyHashedPassword(this, hash, password) switch
        {
            PasswordVerificationResult.Failed => PasswordCheck.Wrong,
            PasswordVerificationResult.Success => PasswordCheck.Right,
            PasswordVerificationResult.SuccessRehashNeeded => PasswordCheck.RightButWeaklyHashed,
            var other => throw new InvalidOperationException($"The hasher answers the unknown {other}."),
        },
        cancellationToken);

    public void Dispose() => _turns.Dispose();

    private async Task<T> InTurnAsync<T>(Func<T> act, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(act, cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <summary>A hash in the hasher's format whose subkey is random: no password gives it, and finding that out takes all iterations.</summary>
    /// <remarks>Format V3: 0x01, then PRF (2 is HMAC-SHA512), iterations and salt length as 32-bit big-endian numbers, 16 bytes of salt, 32 of subkey.</remarks>
    private static string MakeDecoy(int iterations)
    {
        byte[] header = [0x01, 0, 0, 0, 2, (byte)(iterations >> 24), (byte)(iterations >> 16), (byte)(iterations >> 8), (byte)iterations, 0, 0, 0, 16];
        return Convert.ToBase64String([.. header, .. RandomNumberGenerator.GetBytes(16 + 32)]);
    }
}
