using System.Text.Json;

namespace Stoa.Primitives;

/// <summary>How a case of an enum is written for others: its name in camelCase, in JSON, CSV and events alike.</summary>
public static class EnumWord
{
    /// <summary>The word of a case.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    /// <summary>The case of a word.</summary>
    /// <returns>Whether there is one.</returns>
    public static bool TryParse<T>(string text, out T value)
        where T : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<T>())
        {
            if (Of(candidate) == text)
            {
                value = candidate;
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>All words, with commas between, for who has given another one.</summary>
    public static string All<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetValues<T>().Select(Of));
}
