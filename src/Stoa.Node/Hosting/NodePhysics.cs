using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>Time and chance. A node takes them from the machine; a test may give its own.</summary>
/// <param name="Time">The clock.</param>
/// <param name="Random">Secrets come from it too, so outside of tests nobody may foretell it.</param>
public sealed record NodePhysics(TimeProvider Time, Random Random)
{
    /// <summary>The machine's clock and its generator of secrets.</summary>
    public static NodePhysics Real { get; } = new(TimeProvider.System, new SecureRandom());
}
