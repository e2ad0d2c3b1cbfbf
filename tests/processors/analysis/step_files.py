"""STEP files made on the spot by the CAD kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OCP.BRep import BRep_Builder
from OCP.BRepAlgoAPI import BRepAlgoAPI_Cut
from OCP.BRepBuilderAPI import BRepBuilderAPI_MakeEdge
from OCP.BRepPrimAPI import BRepPrimAPI_MakeBox, BRepPrimAPI_MakeCylinder
from OCP.gp import gp_Ax2, gp_Dir, gp_Pnt
from OCP.Interface import Interface_Static
from OCP.STEPControl import STEPControl_AsIs, STEPControl_Writer
from OCP.TopAbs import TopAbs_FACE
from OCP.TopExp import TopExp_Explorer
from OCP.TopoDS import TopoDS_Compound

Shape = Any


def box(a: float, b: float, c: float, at: tuple[float, float, float] = (0, 0, 0)) -> Shape:
    return BRepPrimAPI_MakeBox(gp_Pnt(*at), a, b, c).Shape()


def cylinder(
    radius: float,
    height: float,
    at: tuple[float, float, float],
    along: tuple[float, float, float] = (0, 0, 1),
) -> Shape:
    axes = gp_Ax2(gp_Pnt(*at), gp_Dir(*along))
    return BRepPrimAPI_MakeCylinder(axes, radius, height).Shape()


def cut(shape: Shape, *tools: Shape) -> Shape:
    for tool in tools:
        shape = BRepAlgoAPI_Cut(shape, tool).Shape()
    return shape


def together(*shapes: Shape) -> Shape:
    compound, builder = TopoDS_Compound(), BRep_Builder()
    builder.MakeCompound(compound)
    for shape in shapes:
        builder.Add(compound, shape)
    return compound


def faces(shape: Shape) -> list[Shape]:
    explorer, found = TopExp_Explorer(shape, TopAbs_FACE), []
    while explorer.More():
        found.append(explorer.Current())
        explorer.Next()
    return found


def edge() -> Shape:
    return BRepBuilderAPI_MakeEdge(gp_Pnt(0, 0, 0), gp_Pnt(10, 0, 0)).Edge()


def write(path: Path, shape: Shape, unit: str = "MM") -> Path:
    """``unit``: what the file's numbers are in; the shape itself is in mm."""
    writer = STEPControl_Writer()
    Interface_Static.SetCVal_s("write.step.unit", unit)
    writer.Transfer(shape, STEPControl_AsIs)
    writer.Write(str(path))
    return path
