using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Identity;

namespace Stoa.Node.SingleSignOn;

/// <summary>A sign-in that has been begun. It is nowhere but in a cookie of the browser, sealed with the key of the cell: any node goes on with it, and beginning costs no row.</summary>
/// <param name="Organisation">Handle of the organisation.</param>
/// <param name="Issuer">Of its provider when the sign-in was begun.</param>
/// <param name="ClientId">Of the node at that provider.</param>
/// <param name="State">What the provider sends back: shows that its answer belongs to this sign-in.</param>
/// <param name="Nonce">What the ID token has to say.</param>
/// <param name="Verifier">Of the code that the provider gives out.</param>
/// <param name="Challenge">Of the client that gets the sign-in's own code.</param>
/// <param name="ClientState">What the client gets back.</param>
/// <param name="Port">Where the client listens on the person's machine; null when the code is carried by hand.</param>
/// <param name="EndsAt">Until when the provider's answer is taken.</param>
internal sealed record SignOnState(
    string Organisation,
    string Issuer,
    string ClientId,
    string State,
    string Nonce,
    string Verifier,
    string Challenge,
    string ClientState,
    int? Port,
    DateTimeOffset EndsAt)
{
    private const int SecretBytes = 32;
    private const int SealedLengthMax = 3_500;
    private const string Purpose = "single sign-on in a browser";

    /// <summary>A sign-in with fresh secrets.</summary>
    public static SignOnState Begin(
        string organisation, IdentityProvider provider, string challenge, string clientState, int? port, Random random, DateTimeOffset endsAt) =>
        new(organisation, provider.Issuer, provider.ClientId, Secret(random), Secret(random), Secret(random), challenge, clientState, port, endsAt);

    /// <summary>What the cookie holds.</summary>
    public string Seal(CellKey cell) =>
        Base64Url.EncodeToString(cell.Seal(Purpose, JsonSerializer.SerializeToUtf8Bytes(this, SingleSignOnJson.Default.SignOnState)));

    /// <summary>Reads a cookie; null for one that this cell has not made.</summary>
    public static SignOnState? Open(CellKey cell, string? text)
    {
        if (text is null or { Length: > SealedLengthMax } || !Base64Url.IsValid(text))
            return null;
        try
        {
            return JsonSerializer.Deserialize(cell.Open(Purpose, Base64Url.DecodeFromChars(text)), SingleSignOnJson.Default.SignOnState);
        }
        catch (Exception strange) when (strange is CryptographicException or FormatException)
        {
            return null;
        }
    }

    private static string Secret(Random random)
    {
        var bytes = new byte[SecretBytes];
        random.NextBytes(bytes);
        return Base64Url.EncodeToString(bytes);
    }
}

/// <summary>How what is sealed is written.</summary>
[JsonSerializable(typeof(SignOnState))]
[JsonSerializable(typeof(ProvenIdentity))]
[JsonSerializable(typeof(Dictionary<string, OrganisationRole>))]
[JsonSerializable(typeof(List<string>))]
[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
internal sealed partial class SingleSignOnJson : JsonSerializerContext;
