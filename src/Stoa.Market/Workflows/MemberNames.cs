using System.Runtime.InteropServices;
using System.Text.Json;

namespace Stoa.Market.Workflows;

/// <summary>What is asked of values that expressions read. They pay for looking names up, and not for how long those are that are not meant.</summary>
internal static class MemberNames
{
    /// <summary>The longest name of a member, in bytes of JSON.</summary>
    public const int MostBytes = 1_024;

    /// <summary>Whether a member of a value, or of one within it, has a longer name.</summary>
    public static bool HasLong(JsonElement value)
    {
        if (value.ValueKind is JsonValueKind.Undefined)
            return false;
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(value), new JsonReaderOptions { MaxDepth = int.MaxValue });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName && reader.ValueSpan.Length > MostBytes)
                return true;
        }

        return false;
    }
}
