using Stoa.Network.Security;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Security;

/// <summary>The protocols of security by short names.</summary>
internal static class Securities
{
    /// <summary>Makes one; skips the test where this machine does not have what it needs.</summary>
    public static ISecurityProtocol Create(string name, PrivateKey identity)
    {
        if (name == "tls")
            return new TlsSecurity(identity, TimeProvider.System);
        Assert.SkipUnless(NoiseSecurity.TryCreate(identity, out var noise, out var missing), missing ?? "");
        return noise;
    }
}
