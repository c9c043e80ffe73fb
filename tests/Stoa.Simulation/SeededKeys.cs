using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Keys by the seed, so that who somebody is does not change from run to run. What they sign does: there is chance of the system in each signature.</summary>
internal static class SeededKeys
{
    public static PrivateKey Of(int seed, int number)
    {
        var secret = SHA256.HashData([.. BitConverter.GetBytes(seed), .. BitConverter.GetBytes(number)]);
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = secret });
        return PrivateKey.FromPkcs8(key.ExportPkcs8PrivateKey());
    }
}
