using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Stoa.Network.Identity;

/// <summary>Public keys on secp256k1 as libp2p writes them: a compressed point, which .NET does not read (SEC 1 §2.3.4).</summary>
internal static class Secp256k1PublicKey
{
    /// <summary>The length of a compressed point in bytes.</summary>
    public const int Length = 1 + CoordinateLength;

    private const int CoordinateLength = 32;

    // y² = x³ + 7 over the field of this prime, which is 3 modulo 4: a square root is a power (SEC 2 §2.4.1).
    private static readonly BigInteger s_prime =
        BigInteger.Parse("0FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static readonly ECCurve s_curve = ECCurve.CreateFromValue("1.3.132.0.10");

    /// <summary>Takes a key from a compressed point; null when it is none, or not on the curve.</summary>
    public static ECParameters? TryRead(ReadOnlySpan<byte> point)
    {
        if (point.Length != Length || point[0] is not (2 or 3))
            return null;
        var x = new BigInteger(point[1..], isUnsigned: true, isBigEndian: true);
        if (x >= s_prime)
            return null;
        var square = (BigInteger.ModPow(x, 3, s_prime) + 7) % s_prime;
        var y = BigInteger.ModPow(square, (s_prime + 1) / 4, s_prime);
        if (y * y % s_prime != square)
            return null;
        if (y.IsEven == (point[0] == 3))
            y = s_prime - y;
        var bytes = new byte[CoordinateLength];
        var length = y.GetByteCount(isUnsigned: true);
        y.TryWriteBytes(bytes.AsSpan(CoordinateLength - length), out _, isUnsigned: true, isBigEndian: true);
        return new ECParameters { Curve = s_curve, Q = new ECPoint { X = point[1..].ToArray(), Y = bytes } };
    }
}
