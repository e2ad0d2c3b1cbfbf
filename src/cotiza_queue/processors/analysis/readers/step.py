# pyright: reportAttributeAccessIssue=false
# The kernel is a binary module without stubs; pyright sees none of its names.
"""STEP (ISO 10303-21; AP203, AP214, AP242) through OpenCASCADE: exact figures, and triangles of
them.

The only module that touches the CAD kernel; pinned to OCP 8.0, whose names differ from earlier
ones. The file's unit is law: the kernel converts to mm. Volume, area, box and holes come from the
boundary representation; the triangles serve walls, overhangs and the picture.

Refuses a file that breaks off, one without solids, and surfaces that can't be sewn into one:
OpenCASCADE itself calls all of these a success.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from OCP.Bnd import Bnd_Box
from OCP.BRep import BRep_Tool
from OCP.BRepAdaptor import BRepAdaptor_Surface
from OCP.BRepBndLib import BRepBndLib
from OCP.BRepBuilderAPI import BRepBuilderAPI_MakeSolid, BRepBuilderAPI_Sewing
from OCP.BRepGProp import BRepGProp
from OCP.BRepMesh import BRepMesh_IncrementalMesh
from OCP.collections import Sequence_TCollection_AsciiString
from OCP.GeomAbs import GeomAbs_Cylinder
from OCP.GProp import GProp_GProps
from OCP.IFSelect import IFSelect_RetDone
from OCP.Message import Message
from OCP.STEPControl import STEPControl_Reader
from OCP.TopAbs import TopAbs_FACE, TopAbs_REVERSED, TopAbs_SHELL, TopAbs_SOLID
from OCP.TopExp import TopExp_Explorer
from OCP.TopLoc import TopLoc_Location
from OCP.TopoDS import TopoDS

from ..faults import Caution, Fault, refuse
from ..part import Exact, Floats, Hole, Ints, Part
from .common import check_coordinates, check_triangles

Shape = Any
"""A TopoDS_Shape; the kernel's bindings carry no types."""

_END = b"END-ISO-10303-21"
_ENTITY = re.compile(rb"#\s*\d+\s*=")
_TAIL_BYTES = 4096
_UNITS = {
    "millimetre": "mm",
    "centimetre": "cm",
    "metre": "m",
    "micrometre": "um",
    "inch": "in",
    "foot": "ft",
    "feet": "ft",
}
_SEW_MM = 0.01
"""Edges of loose faces this near are one."""
_DEFLECTION_SHARE = 2e-4
_DEFLECTION_MM = (0.005, 0.1)
_DEFLECTION_RADIANS = 0.2
"""How far triangles may leave the surface: 0.02 % of the diagonal within these bounds, and 11.5° a
step, so that walls of curved parts come out within 2 %."""
_TRUE_AREA = 0.01
"""Beyond this relative error of their area, the triangles are good for a picture only."""
_FULL_TURN = 0.98 * 2 * math.pi


def read(path: Path, unit: str | None) -> Part:
    """The solids of a STEP file. ``unit`` is not asked for: the file states its own."""
    del unit
    _check_text(path)
    Message.DefaultMessenger_s().ChangePrinters().Clear()
    reader = STEPControl_Reader()
    if reader.ReadFile(str(path)) != IFSelect_RetDone:
        raise refuse(Fault.CORRUPT, "the STEP file can't be parsed")
    reader.TransferRoots()
    if reader.NbShapes() == 0:
        raise refuse(Fault.NO_GEOMETRY, "the STEP file holds no shapes")
    shape = reader.OneShape()
    solids, cautions = _solids(shape)
    exact, box_cautions = _exact(solids)
    vertices, faces, pieces = _triangles(solids, math.dist((0.0, 0.0, 0.0), exact.size))
    mesh_area = _area(vertices, faces)
    return Part(
        vertices=vertices,
        faces=faces,
        unit=_unit(reader),
        pieces=pieces,
        cautions=cautions + box_cautions,
        exact=Exact(
            volume=exact.volume,
            area=exact.area,
            size=exact.size,
            bodies=len(solids),
            watertight=all(_is_closed(solid) for solid in solids),
            holes=_holes(solids),
            mesh_is_true=abs(mesh_area / exact.area - 1) <= _TRUE_AREA,
        ),
    )


def _check_text(path: Path) -> None:
    data = path.read_bytes()
    if _END not in data[-_TAIL_BYTES:]:
        raise refuse(Fault.TRUNCATED, "the STEP file ends without END-ISO-10303-21")
    if _ENTITY.search(data) is None:
        raise refuse(Fault.NO_GEOMETRY, "the STEP file has no entities")


def _unit(reader: Any) -> str:
    lengths, angles, solid_angles = (Sequence_TCollection_AsciiString() for _ in range(3))
    reader.FileUnits(lengths, angles, solid_angles)
    name = lengths.Value(1).ToCString().lower() if lengths.Length() else ""
    return _UNITS.get(name, name or "mm")


def _parts(shape: Shape, kind: Any) -> Iterator[Shape]:
    explorer = TopExp_Explorer(shape, kind)
    while explorer.More():
        yield explorer.Current()
        explorer.Next()


def _solids(shape: Shape) -> tuple[list[Shape], tuple[Caution, ...]]:
    """The solids, or the closed shells that loose faces can be sewn to."""
    solids = list(_parts(shape, TopAbs_SOLID))
    if solids:
        return solids, ()
    sewing = BRepBuilderAPI_Sewing(_SEW_MM)
    faces = 0
    for face in _parts(shape, TopAbs_FACE):
        sewing.Add(face)
        faces += 1
    if not faces:
        raise refuse(Fault.NOT_A_SOLID, "the STEP file holds curves or points, but no surfaces")
    sewing.Perform()
    for shell in _parts(sewing.SewedShape(), TopAbs_SHELL):
        if BRep_Tool.IsClosed_s(shell):
            solids.append(BRepBuilderAPI_MakeSolid(TopoDS.Shell(shell)).Solid())
    if not solids:
        raise refuse(
            Fault.NOT_A_SOLID, f"the {faces:,} surfaces of the STEP file enclose no volume"
        )
    return solids, (Caution.SURFACES_SEWN,)


@dataclass(frozen=True, slots=True)
class _Figures:
    """mm³, mm², and the sides of the box in mm."""

    volume: float
    area: float
    size: tuple[float, float, float]


def _exact(solids: list[Shape]) -> tuple[_Figures, tuple[Caution, ...]]:
    volume = area = 0.0
    inverted = False
    box = Bnd_Box()
    for solid in solids:
        mass, skin = GProp_GProps(), GProp_GProps()
        BRepGProp.VolumeProperties_s(solid, mass)
        BRepGProp.SurfaceProperties_s(solid, skin)
        inverted |= mass.Mass() < 0
        volume += abs(mass.Mass())
        area += skin.Mass()
        BRepBndLib.AddOptimal_s(solid, box, False, False)
    if not (volume > 0 and area > 0 and math.isfinite(volume + area)) or box.IsVoid():
        raise refuse(Fault.NOT_A_SOLID, "the solids of the STEP file have no volume")
    low, high = box.CornerMin(), box.CornerMax()
    corners = np.array([[low.X(), low.Y(), low.Z()], [high.X(), high.Y(), high.Z()]])
    check_coordinates(corners, "box corner")
    gap = box.GetGap()
    x, y, z = (float(side) - 2 * gap for side in corners[1] - corners[0])
    return _Figures(volume, area, (x, y, z)), (Caution.INVERTED_NORMALS,) if inverted else ()


def _is_closed(solid: Shape) -> bool:
    return all(BRep_Tool.IsClosed_s(shell) for shell in _parts(solid, TopAbs_SHELL))


def _triangles(solids: list[Shape], diagonal: float) -> tuple[Floats, Ints, Ints]:
    """Vertices in mm, faces, and the number of the solid that each vertex belongs to."""
    low, high = _DEFLECTION_MM
    deflection = min(max(_DEFLECTION_SHARE * diagonal, low), high)
    vertices: list[Floats] = []
    faces: list[Ints] = []
    pieces: list[Ints] = []
    count = triangles = 0
    for number, solid in enumerate(solids):
        BRepMesh_IncrementalMesh(solid, deflection, False, _DEFLECTION_RADIANS, False)
        for face in _parts(solid, TopAbs_FACE):
            points, corners = _face_triangles(face)
            vertices.append(points)
            faces.append(corners + count)
            pieces.append(np.full(len(points), number, np.int64))
            count += len(points)
            triangles += len(corners)
            check_triangles(triangles)
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(pieces)


def _face_triangles(face: Shape) -> tuple[Floats, Ints]:
    """(n, 3) points and (m, 3) indices of one face, outward; none where meshing failed."""
    location = TopLoc_Location()
    mesh = BRep_Tool.Triangulation_s(TopoDS.Face(face), location)
    if mesh is None:
        return np.empty((0, 3)), np.empty((0, 3), np.int64)
    transform = location.Transformation()
    nodes = (mesh.Node(at).Transformed(transform) for at in range(1, mesh.NbNodes() + 1))
    points = np.array([(node.X(), node.Y(), node.Z()) for node in nodes])
    corners = np.array([mesh.Triangle(at).Get() for at in range(1, mesh.NbTriangles() + 1)])
    indices = corners.astype(np.int64).reshape(-1, 3) - 1
    turned = (face.Orientation() == TopAbs_REVERSED) != transform.IsNegative()
    return points.reshape(-1, 3), indices[:, ::-1] if turned else indices


def _area(vertices: Floats, faces: Ints) -> float:
    a, b, c = (vertices[faces[:, at]] for at in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def _holes(solids: list[Shape]) -> tuple[Hole, ...]:
    """Full inner cylinders: faces that look at their axis, share it and the radius, and go round
    it.

    A hole whose wall is given as a free-form surface isn't found.
    """
    walls: dict[tuple[Any, ...], list[_Wall]] = defaultdict(list)
    for number, solid in enumerate(solids):
        for face in _parts(solid, TopAbs_FACE):
            wall = _wall(face)
            if wall is not None:
                walls[number, *wall.key].append(wall)
    holes = [hole for group in walls.values() for hole in _full(group)]
    return tuple(sorted(holes, key=lambda hole: (hole.diameter, hole.depth, hole.at)))


@dataclass(frozen=True, slots=True)
class _Wall:
    """A piece of an inner cylinder: ``turn`` radians of it from ``begin`` to ``end`` along its
    axis.

    ``foot`` (3,): the point of the axis nearest to the origin; ``axis`` (3,): its direction.
    """

    radius: float
    foot: Floats
    axis: Floats
    begin: float
    end: float
    turn: float

    @property
    def key(self) -> tuple[float, ...]:
        """The same for all pieces of one cylinder, however it was cut: tenths of a micrometre."""
        numbers = [self.radius, *self.foot, *self.axis]
        return tuple(round(float(number), 4) + 0.0 for number in numbers)


def _wall(face: Shape) -> _Wall | None:
    surface = BRepAdaptor_Surface(TopoDS.Face(face))
    if surface.GetType() != GeomAbs_Cylinder:
        return None
    cylinder = surface.Cylinder()
    outward = (face.Orientation() != TopAbs_REVERSED) == cylinder.Position().Direct()
    if outward:
        return None
    at, towards = cylinder.Axis().Location(), cylinder.Axis().Direction()
    origin = np.array([at.X(), at.Y(), at.Z()])
    axis = np.array([towards.X(), towards.Y(), towards.Z()])
    along = float(origin @ axis)
    begin, end = along + surface.FirstVParameter(), along + surface.LastVParameter()
    foot = origin - along * axis
    first = axis[np.flatnonzero(np.abs(axis) > 1e-6)[0]]
    if first < 0:
        axis, begin, end = -axis, -end, -begin
    turn = surface.LastUParameter() - surface.FirstUParameter()
    return _Wall(cylinder.Radius(), foot, axis, begin, end, turn)


def _full(walls: list[_Wall]) -> Iterator[Hole]:
    """The stretches of one cylinder where its pieces go all the way round."""
    walls = sorted(walls, key=lambda wall: wall.begin)
    while walls:
        begin, end = walls[0].begin, walls[0].end
        here = [walls.pop(0)]
        while walls and walls[0].begin < end - 1e-6:
            end = max(end, walls[0].end)
            here.append(walls.pop(0))
        covered = sum(wall.turn * (wall.end - wall.begin) for wall in here)
        if end > begin and covered >= _FULL_TURN * (end - begin):
            x, y, z = (float(number) for number in here[0].foot + here[0].axis * (begin + end) / 2)
            yield Hole(diameter=2 * here[0].radius, depth=end - begin, at=(x, y, z))
