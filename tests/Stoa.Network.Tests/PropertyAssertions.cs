using FsCheck;

namespace Stoa.Network.Tests;

/// <summary>Checks properties without a word unless one fails; then the message has the seed to replay it.</summary>
internal static class PropertyAssertions
{
    public static void ShouldHold(this Property property) => property.Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true));
}
