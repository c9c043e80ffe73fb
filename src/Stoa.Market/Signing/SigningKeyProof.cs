using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Signing;

/// <summary>Proves that who registers a public key has its private half, and means to stand for this user by it.</summary>
/// <remarks>A DSSE envelope of type <see cref="PayloadType"/> that the key has signed: <c>{ "user": "user_…" }</c>. Without it somebody could register another's key as their own.</remarks>
public static class SigningKeyProof
{
    public const string PayloadType = "application/vnd.stoa.signing-key.v1+json";

    /// <summary>Why a proof is none; null when it is one.</summary>
    /// <param name="proof">As it came.</param>
    /// <param name="key">That has to have signed it.</param>
    /// <param name="user">Who registers the key.</param>
    public static string? Check(DsseEnvelope proof, PublicKey key, Id<User> user)
    {
        ArgumentNullException.ThrowIfNull(proof);
        ArgumentNullException.ThrowIfNull(key);
        if (proof.PayloadType != PayloadType)
            return $"An envelope of type {PayloadType} is expected.";
        if (!proof.Verify(key))
            return "The proof is not signed by the key that is registered.";
        try
        {
            using var document = JsonDocument.Parse(proof.Payload);
            return Text(document.RootElement, "user") == user.ToString() ? null : $"The proof names another user than {user}.";
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return "The payload of the proof is not of the form { \"user\": \"user_…\" }.";
        }
    }
}
