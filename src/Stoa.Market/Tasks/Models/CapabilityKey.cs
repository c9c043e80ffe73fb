using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Tasks.Models;

/// <summary>Signs capabilities, and tells those that it has signed from others: an HMAC with SHA-256 (RFC 2104) by a secret that the nodes of a cell share.</summary>
/// <remarks>
/// A token is <c>payload.signature</c>, both in base64url without padding. The payload is JSON:
/// <code>{ "task", "attempt", "caller", "agent", "payer", "models": [{ "model", "maxPrice" }], "budget", "expiresAt" }</code>
/// Who signs and who checks is the same cell, so a shared secret does what a pair of keys would, in a hundredth of the time. Agents never see a token: nothing of it is in their memory.
/// </remarks>
/// <param name="secret">32 bytes, for nothing else.</param>
public sealed class CapabilityKey(byte[] secret)
{
    /// <summary>What the cell's key is derived for.</summary>
    public const string Purpose = "stoa model capability v1";

    private const int MaxLength = 64 << 10;

    /// <summary>Signs one.</summary>
    public string Mint(ModelCapability capability)
    {
        ArgumentNullException.ThrowIfNull(capability);
        var payload = Base64Url.EncodeToString(Written(json =>
        {
            json.WriteStartObject();
            json.WriteString("task", capability.Task.ToString());
            json.WriteNumber("attempt", capability.Attempt);
            json.WriteNumber("caller", capability.Caller);
            json.WriteString("agent", capability.Agent.ToString());
            json.WriteString("payer", capability.Payer.ToString());
            json.WriteStartArray("models");
            foreach (var model in capability.Models)
            {
                json.WriteStartObject();
                json.WriteString("model", model.Model);
                json.WriteString("maxPrice", model.MaxPrice.ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteString("budget", capability.Budget.ToString());
            json.WriteString("expiresAt", Text(capability.ExpiresAt));
            json.WriteEndObject();
        }));
        return $"{payload}.{Base64Url.EncodeToString(Sign(payload))}";
    }

    /// <summary>Reads a token that may come from anybody.</summary>
    /// <param name="token">The token.</param>
    /// <param name="now">UTC.</param>
    /// <returns>What it allows; or <see cref="CapabilityRefusal.NotSigned"/> or <see cref="CapabilityRefusal.Expired"/>.</returns>
    public Outcome<ModelCapability, CapabilityRefusal> Read(string token, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (token.Length > MaxLength || token.Split('.') is not [var payload, var signature] || !IsSigned(payload, signature))
            return new Refusal<CapabilityRefusal>(CapabilityRefusal.NotSigned, "This cell has not given such a right to ask models.");
        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
        var root = document.RootElement;
        var capability = new ModelCapability(
            Id<AgentTask>.Parse(Text(root, "task")),
            root.GetProperty("attempt").GetInt64(),
            root.GetProperty("caller").GetInt32(),
            ListingName.Parse(Text(root, "agent")),
            Id<User>.Parse(Text(root, "payer")),
            [.. root.GetProperty("models").EnumerateArray().Select(model => new CapableModel(Text(model, "model"), Amount(model, "maxPrice")))],
            Amount(root, "budget"),
            Instant(root, "expiresAt"));
        return now < capability.ExpiresAt
            ? capability
            : new Refusal<CapabilityRefusal>(CapabilityRefusal.Expired, $"The time of {capability.Task} to ask models was over at {Text(capability.ExpiresAt)}.");
    }

    private bool IsSigned(string payload, string signature)
    {
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        // One text for one signature: the decoder heeds neither padding nor what is left of the last letter.
        return Base64Url.TryDecodeFromChars(signature, given, out var length) && length == given.Length
            && CryptographicOperations.FixedTimeEquals(given, Sign(payload));
    }

    private byte[] Sign(string payload) => HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(payload));
}
