using System.Text.Json;

namespace Stoa.Primitives;

/// <summary>How a case of an enum is written for others: its name in camelCase, in JSON, CSV and events alike.</summary>
public static class EnumWord
{
    /// <summary>The word of a case.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
