using System.Runtime.CompilerServices;

namespace Stoa.Market.Tests;

/// <summary>Patterns of strangers have as long here as in the node, which says so when it starts.</summary>
internal static class PatternTime
{
    [ModuleInitializer]
    internal static void Set() => AppContext.SetData("REGEX_DEFAULT_MATCH_TIMEOUT", TimeSpan.FromSeconds(1));
}
